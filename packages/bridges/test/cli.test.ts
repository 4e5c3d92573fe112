import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { createFaultProxy, freePort, startMosquitto } from '@commlib/testing'
import { expect, it } from 'vitest'
import { after, eventually, nodeOn, quiet } from './world.ts'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname

/** The program, its output, and its end. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  child.stderr.on('data', chunk => (output += chunk))
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  after(() => child.kill('SIGKILL'))
  return { child, ended, output: () => output }
}

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'commlib-bridge-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'bridge.yaml')
  writeFileSync(file, text)
  return file
}

async function broker() {
  const started = await startMosquitto({ own: true, config: ['set_tcp_nodelay true', 'max_queued_messages 0'] })
  after(() => started.close())
  return Object.assign(started, { connect: () => mqtt(started.url) })
}

async function get(port: number, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, text: await response.text() }
}

it('carries what its file says, tells how it stands, reads the file again, and ends in order', async () => {
  const [here, there] = await Promise.all([broker(), broker()])
  const port = await freePort()
  const text = (more = '') => `brokers:
  plant: ${here.url}
  cloud: { url: ${there.url} }
bridges:
  - { name: counts, topic: count.*, from: plant, to: cloud, namespace: p1, reliable: true }
  - { rpc: math.add, from: cloud, to: plant }
${more}
health: { port: ${port} }
`
  const file = fileOf(text())
  const program = start('--config', file)
  await eventually(() => expect(program.output()).toContain('/health'), 10_000)
  await eventually(() => expect(program.output()).toContain("bridge 'counts': running"))
  const [alice, bob] = await Promise.all([nodeOn(here), nodeOn(there)])
  const Add = rpc<{ a: number }, { sum: number }>('math.add')
  await alice.serve(Add, ({ a }) => ({ sum: a + 1 }))
  await eventually(async () => expect(await bob.client(Add)({ a: 1 }, { timeout: 500 })).toEqual({ sum: 2 }))
  const got: number[] = []
  await bob.subscribe(topic<{ n: number }>('p1.count.*'), ({ n }) => got.push(n), { reliable: true })

  // A new bridge, while messages go over the old one.
  const publisher = alice.publisher(topic<{ n: number }>('count.up'))
  let n = 0
  const sending = setInterval(() => void publisher.publish({ n: n++ }, { reliable: true }), 2)
  await quiet(100)
  writeFileSync(file, text('  - { topic: other, from: plant, to: cloud, as: another }'))
  program.child.kill('SIGHUP')
  await eventually(() => expect(program.output()).toContain('read again'))
  writeFileSync(file, text('  - { topic: other, from: nowhere, to: cloud }'))
  program.child.kill('SIGHUP')
  await eventually(() => expect(program.output()).toContain("there is no broker 'nowhere'"))
  // The last is taken out again, and the first is changed.
  writeFileSync(file, text().replace('reliable: true', 'reliable: true, maxInFlight: 500'))
  program.child.kill('SIGHUP')
  await eventually(() => expect(program.output().split('read again')).toHaveLength(3))
  await quiet(100)
  clearInterval(sending)
  await eventually(() => expect(new Set(got).size).toBe(n))

  const health = await get(port, '/health')
  expect(health.status).toBe(200)
  expect(JSON.parse(health.text)).toMatchObject({
    status: 'ok',
    brokers: [
      { name: 'plant', connected: true },
      { name: 'cloud', connected: true },
    ],
    bridges: [
      { name: 'counts', kind: 'topic', from: 'plant', to: 'cloud', state: 'running', counters: { dropped: 0 } },
      { name: 'math.add from cloud to plant', kind: 'rpc', state: 'running', counters: { forwarded: 1 } },
    ],
  })
  const metrics = await get(port, '/metrics')
  expect(metrics.text).toContain('# TYPE commlib_bridge_forwarded_total counter\n')
  expect(metrics.text).toMatch(
    /commlib_bridge_forwarded_total\{bridge="counts",kind="topic",from="plant",to="cloud"\} \d+\n/,
  )
  expect(metrics.text).toContain('commlib_bridge_broker_connected{broker="plant"} 1\n')
  expect((await get(port, '/')).status).toBe(404)

  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
})

it('loses nothing when a durable name, a spool, and the direction of calls change', async () => {
  const [here, there] = await Promise.all([broker(), broker()])
  const proxy = await createFaultProxy(there)
  after(() => proxy.close())
  const [alice, bob] = await Promise.all([nodeOn(here), nodeOn(there)])
  const port = await freePort()
  const text = (durable: string, spool: string, calls = 'from: here, to: there') => `
brokers: { here: "${here.url}", there: "${proxy.url('mqtt')}" }
bridges:
  - { name: n, topic: n, from: here, to: there, as: m, reliable: true, source: { durable: ${durable} }, spool: { path: ${spool} } }
  - { name: sum, rpc: sum, ${calls} }
health: { port: ${port} }
`
  const file = fileOf(text('one', 'a'))
  const program = start('--config', file)
  const running = (times: number) =>
    eventually(() => expect(program.output().split('read again')).toHaveLength(times), 10_000)
  let times = 1
  await eventually(async () => expect((await get(port, '/health')).status).toBe(200), 10_000)
  const reload = async (...config: Parameters<typeof text>) => {
    writeFileSync(file, text(...config))
    program.child.kill('SIGHUP')
    await running(++times)
  }
  const got: number[] = []
  await bob.subscribe(topic<{ n: number }>('m'), ({ n }) => got.push(n), { durable: 'bob' })
  const publisher = alice.publisher(topic<{ n: number }>('n'))
  let n = 0
  let sending = true
  const flow = (async () => {
    for (; sending; n++) {
      await publisher.publish({ n }, { reliable: true })
      await quiet(1)
    }
  })()
  await reload('one', 'b')
  await reload('two', 'b')
  await reload('two', 'a')
  await reload('three', 'c')
  sending = false
  await flow
  await eventually(() => expect(new Set(got).size).toBe(n), 10_000)
  // In order, but for what came twice.
  expect(got.filter((each, i) => got.indexOf(each) === i)).toEqual(Array.from({ length: n }, (_, i) => i))

  // What lies in a spool that goes is told of, and sent when it comes back. What bob has is confirmed a moment later.
  const counters = async () => JSON.parse((await get(port, '/health')).text).bridges[0].counters
  await eventually(async () => expect(await counters()).toMatchObject({ spooled: 0, lag: 0 }))
  await proxy.refuse()
  proxy.reset()
  await eventually(() => expect(program.output()).toContain('there: disconnected'))
  for (const end = n + 20; n < end; n++) await publisher.publish({ n }, { reliable: true })
  await eventually(async () => expect((await counters()).spooled).toBe(20))
  await reload('three', 'd')
  await eventually(() => expect(program.output()).toMatch(/bridge 'n': 20 messages stay in .*c, until a bridge has it/))
  await reload('three', 'c')
  await proxy.restore()
  await eventually(() => expect(new Set(got).size).toBe(n), 10_000)

  const Sum = rpc<{ a: number }, { a: number }>('sum')
  await bob.serve(Sum, ({ a }) => ({ a: a + 1 }))
  const sum = alice.client(Sum)
  await eventually(async () => expect(await sum({ a: 1 }, { timeout: 500 })).toEqual({ a: 2 }))
  await reload('three', 'c', 'from: there, to: here')
  await eventually(() => expect(program.output().split("bridge 'sum': running")).toHaveLength(3))
  expect(program.output()).not.toContain('circle')
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
}, 60_000)

it('goes on trying where a broker is not there at the start, and says so', async () => {
  const here = await broker()
  const later = await broker()
  await later.stop()
  const port = await freePort()
  const program = start(
    '-c',
    fileOf(`brokers: { plant: "${here.url}", cloud: "${later.url}" }
bridges: [{ topic: x, from: plant, to: cloud }, { topic: y, from: cloud, to: plant }]
health: { port: ${port} }
`),
  )
  await eventually(() => expect(program.output()).toMatch(/cloud: .*cannot connect.*; trying again/), 10_000)
  await eventually(() => expect(program.output()).toContain('/health'), 10_000)
  const { status, text } = await get(port, '/health')
  expect(status).toBe(503)
  expect(JSON.parse(text)).toMatchObject({
    status: 'degraded',
    brokers: [{ connected: true }, { connected: false }],
    bridges: [{ state: 'running' }, { state: 'opening' }],
  })
  await later.start()
  await eventually(async () => expect((await get(port, '/health')).status).toBe(200), 10_000)
  const [alice, bob] = await Promise.all([nodeOn(here), nodeOn(later)])
  const got: unknown[] = []
  await bob.subscribe(topic('x'), message => got.push(message))
  await alice.publisher(topic('x')).publish({ n: 1 })
  await eventually(() => expect(got).toEqual([{ n: 1 }]))
  program.child.kill('SIGINT')
  expect(await program.ended).toBe(0)
})

it.each([
  ['--help', [], 0, 'commlib-bridge --config bridge.yaml'],
  ['no file', [], 2, '--config must name a file'],
  ['a file that is not there', ['--config', '/nowhere.yaml'], 2, '/nowhere.yaml: cannot be read'],
  ['an unknown option', ['--conf', 'x'], 2, "Unknown option '--conf'"],
])('answers %s', async (what, args, code, text) => {
  const program = start(...(what === '--help' ? ['--help'] : args))
  expect(await program.ended).toBe(code)
  expect(program.output()).toContain(text)
})

it('checks a file, and starts nothing of one that is wrong', async () => {
  const good = start(
    '--check',
    '--config',
    fileOf('brokers: { a: mqtt://a, b: mqtt://b }\nbridges: [{ topic: x, from: a, to: b }]'),
  )
  expect(await good.ended).toBe(0)
  expect(good.output()).toContain('1 bridges between 2 brokers')
  for (const [text, said] of [
    [
      'brokers: { a: mqtt://a, b: kafka://b }\nbridges: [{ topic: x, from: a, to: b }]',
      "brokers.b: no broker speaks 'kafka:'",
    ],
    [
      'brokers: { a: mqtt://a, b: { url: mqtt://b, options: { keepalife: 3 } } }\nbridges: [{ topic: x, from: a, to: b }]',
      'keepalife',
    ],
    [
      'brokers: { a: mqtt://a }\nbridges: [{ topic: x, from: a, to: b }]',
      "2:36: bridges[0].to: there is no broker 'b'",
    ],
  ] as const) {
    const bad = start('--config', fileOf(text))
    expect(await bad.ended).toBe(2)
    expect(bad.output()).toContain(said)
  }
})
