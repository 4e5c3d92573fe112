import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, freePort, startMosquitto, startRabbit, startRedis } from '../../packages/testing/src/index.ts'
import { run, start } from './programs.ts'

const MAIN = 'demo/src/main.ts'
const ESCAPE = '\u001b'

/** What a terminal was told to show, line by line. */
function linesOf(output: string): string[] {
  return stripVTControlCharacters(output)
    .split('\n')
    .map(line => line.replaceAll('\r', ''))
}

describe.concurrent('demo in memory', () => {
  it('prints plain lines where there is no terminal, and ends by itself', async () => {
    const { code, stdout, stderr } = await run(MAIN)
    expect(stderr).toBe('')
    expect(stdout).not.toContain(ESCAPE)
    expect(stdout).toMatch(/^commlib: a robot and its operator in memory\n/)
    for (const line of [
      /^heartbeat {2}robot -> all/m,
      /^topic {6}robot -> operator {2}sonar \d\.\d\d m, motor \d\d\.\d °C, battery \d\d\.\d %$/m,
      /^rpc {8}operator -> robot {2}\(3, 4\) is 5\.0 m away, answered in/m,
      /^event {6}robot -> operator {2}ObstacleSeen, 0\.\d\d m ahead$/m,
      /^action {5}operator -> robot {2}to \(3, 4\)$/m,
      /^action {5}robot -> operator {3}50 % {2}2\.5 m$/m,
      /^action {5}robot -> operator {2}SUCCEEDED 5\.0 m driven$/m,
    ]) {
      expect(stdout).toMatch(line)
    }
    const seconds = Number(/^(\d+\.\d) s: /m.exec(stdout)?.[1])
    expect(seconds).toBeGreaterThan(5)
    expect(seconds).toBeLessThan(15)
    expect(code).toBe(0)
  })

  it('cancels the trip on Ctrl-C, and shows the partial result', async () => {
    const demo = start(MAIN)
    await demo.printed('20 %')
    demo.kill('SIGINT')
    const { code, stdout, stderr } = await demo.end
    expect(stdout).toMatch(/CANCELED [1-3]\.\d m driven\n/)
    expect(stdout).not.toContain('SUCCEEDED')
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
  })

  it('ends on Ctrl-C before the trip', async () => {
    const demo = start(MAIN)
    await demo.printed('topic')
    demo.kill('SIGINT')
    expect(await demo.end).toMatchObject({ code: 130, stderr: '' })
  })

  it('makes several trips, and faster', async () => {
    const { code, stdout } = await run(MAIN, { args: ['--count', '2', '--speed', '10'] })
    expect(stdout).toContain('to (0, 0)')
    expect(stdout.match(/SUCCEEDED/g)).toHaveLength(2)
    expect(code).toBe(0)
  })
})

describe.concurrent('demo on a terminal', () => {
  it('fits into 40 columns', async () => {
    const { code, stdout } = await run(MAIN, { terminal: 'stty cols 40 rows 30', args: ['--speed', '4'] })
    const lines = linesOf(stdout)
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(40)
    expect(lines.some(line => /^ {2}━+╸?─* *\d+ % +\d\.\d m$/.test(line))).toBe(true)
    expect(lines).toContain('  SUCCEEDED to (3, 4)  5.0 m driven')
    expect(stdout).toContain(`${ESCAPE}[32m`)
    // The cursor is given back.
    expect(stdout.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${ESCAPE}[?25l`))
    expect(code).toBe(0)
  })

  it('follows the size of the terminal', async () => {
    const drawn = join(await mkdtemp(join(tmpdir(), 'demo-')), 'drawn')
    const resize = `while [ ! -e ${drawn} ]; do sleep 0.05; done; stty -F /dev/tty cols 60`
    const demo = start(MAIN, { terminal: `stty cols 40 rows 30; (${resize}) & true`, args: ['--speed', '2'] })
    await demo.printed('EXECUTING')
    await writeFile(drawn, '')
    const { code, stdout } = await demo.end
    await rm(dirname(drawn), { recursive: true })
    const [before = '', after = ''] = stdout.split(`${ESCAPE}[H${ESCAPE}[J`)
    expect(linesOf(before)).not.toContain('topic   robot → operator   robot.sensors.{sensor}')
    expect(linesOf(after)).toContain('topic   robot → operator   robot.sensors.{sensor}')
    for (const line of linesOf(after)) expect([...line].length, line).toBeLessThanOrEqual(60)
    expect(code).toBe(0)
  })

  it('shows no colours where none are wanted', async () => {
    const { code, stdout } = await run(MAIN, {
      terminal: 'stty cols 80 rows 30',
      args: ['--speed', '10'],
      env: { NO_COLOR: '1' },
    })
    expect(stdout).not.toContain(`${ESCAPE}[3`)
    expect(stdout).toContain('robot → operator')
    expect(code).toBe(0)
  })

  it('cancels the trip when Ctrl-C is typed', async () => {
    const demo = start(MAIN, { terminal: 'stty cols 40 rows 30', args: ['--speed', '0.5'] })
    await demo.printed('EXECUTING')
    demo.type('\u0003')
    const { code, stdout } = await demo.end
    expect(linesOf(stdout).some(line => /^ {2}CANCELED to \(3, 4\) {2}\d\.\d m driven$/.test(line))).toBe(true)
    expect(stdout.trimEnd().endsWith(`${ESCAPE}[?25h`)).toBe(true)
    expect(code).toBe(130)
  })
})

describe.each([
  ['Redis', startRedis],
  ['RabbitMQ', startRabbit],
])('demo on %s', (_, startBroker) => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker()
  })
  afterAll(() => broker.close())

  it('runs both nodes', async () => {
    const { code, stdout, stderr } = await run(MAIN, { args: ['--broker', broker.url, '--speed', '4'] })
    expect(stdout).toContain(`commlib: a robot and its operator on ${broker.url}\n`)
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })
})

// One after the other: there is one robot on a broker.
describe('demo on a broker', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startMosquitto()
  })
  afterAll(() => broker.close())

  it('runs both nodes on the broker of COMMLIB_URL', async () => {
    const { code, stdout, stderr } = await run(MAIN, { args: ['--speed', '4'], env: { COMMLIB_URL: broker.url } })
    expect(stdout).toContain(`commlib: a robot and its operator on ${broker.url}\n`)
    expect(stdout).toMatch(/SUCCEEDED 5\.0 m driven/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('runs each role in a process, whoever comes first', async () => {
    const args = ['--broker', broker.url, '--speed', '4']
    const operator = start(MAIN, { args: [...args, '--role', 'operator'] })
    await operator.printed('waiting for the robot (start it with --role robot)')
    const robot = start(MAIN, { args: [...args, '--role', 'robot'] })
    const { code, stdout, stderr } = await operator.end
    expect(stdout).toMatch(/SUCCEEDED 5\.0 m driven/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(robot.output()).toContain('action  robot.drive  to (3, 4)')
    robot.kill('SIGINT')
    expect(await robot.end).toMatchObject({ code: 0, stderr: '' })
  })

  it('notices that the robot is gone', async () => {
    const args = ['--broker', broker.url, '--speed', '2']
    const robot = start(MAIN, { args: [...args, '--role', 'robot'] })
    const operator = start(MAIN, { args: [...args, '--role', 'operator'] })
    await operator.printed('20 %')
    robot.kill('SIGKILL')
    const { code, stderr } = await operator.end
    expect(stderr).toBe('demo: robot is gone: it has sent no heartbeat for 3 s\n')
    expect(code).toBe(1)
  })

  it.each(['both', 'robot', 'operator'])('says in a line that there is no broker: %s', async role => {
    const url = `mqtt://user:secret@127.0.0.1:${await freePort()}`
    const args = ['--broker', url, ...(role === 'both' ? [] : ['--role', role])]
    const { code, stdout, stderr } = await run(MAIN, { args })
    expect(stderr).toMatch(/^demo: cannot connect to mqtt:\/\/127\.0\.0\.1:\d+: connection refused.*\n$/)
    expect(stderr).not.toContain('secret')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })
})

describe.concurrent('demo on a wrong command line', () => {
  it.each([
    [['--brokr', 'x'], "Unknown option '--brokr'"],
    [['robot'], "Unexpected argument 'robot'"],
    [['--role', 'boss'], "--role is robot or operator, not 'boss'"],
    [['--role', 'robot'], '--role robot is one of two processes: they need a broker'],
    [['--speed', 'fast'], "--speed is a number from 0.1 to 100, not 'fast'"],
    [['--count', '1.5'], "--count is a whole number from 1 to 1000, not '1.5'"],
    [['--broker', 'localhost'], "not a broker URL: 'localhost'"],
    [['--broker', 'kafka://localhost'], "not a broker URL: 'kafka://localhost'"],
  ])('%j is told in a line', async (args, message) => {
    const { code, stdout, stderr } = await run(MAIN, { args })
    expect(stderr).toContain(`demo: ${message}`)
    expect(stderr.trimEnd()).not.toContain('\n')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('--help helps', async () => {
    const { code, stdout } = await run(MAIN, { args: ['--help'] })
    for (const option of ['--broker', '--role', '--count', '--speed']) expect(stdout).toContain(option)
    expect(code).toBe(0)
  })
})
