import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { answers } from '../src/brokers/ports.ts'
import { type Broker, startMosquitto, startRabbit, startRedis } from '../src/index.ts'

const run = promisify(execFile)
const CONNECT = Uint8Array.of(0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 5, 0, 0)
const PING = new TextEncoder().encode('PING\r\n')
const AMQP = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1)

let broker: Broker | undefined
afterEach(() => broker?.close())

/** Publishes and reads back a retained message, with the broker's own clients. */
async function talk(port: number, ...options: string[]): Promise<string> {
  const to = ['-h', '127.0.0.1', '-p', String(port), '-t', 'a/b', ...options]
  await run('mosquitto_pub', [...to, '-m', 'hi', '-r', '-q', '1'])
  return (await run('mosquitto_sub', [...to, '-C', '1', '-W', '2'])).stdout.trim()
}

describe.each([
  ['mosquitto', () => startMosquitto({ own: true }), CONNECT],
  ['redis', () => startRedis({ own: true }), PING],
  ['rabbitmq', () => startRabbit({ own: true }), AMQP],
] as const)('%s', (kind, start, greeting) => {
  it('starts, stops, is killed, starts again on its port, freezes and closes', { timeout: 240_000 }, async () => {
    broker = await start()
    const { host, port } = broker
    const alive = () => answers(host, port, greeting)
    expect(broker.kind).toBe(kind)
    expect(broker.can.restart).toBe(true)
    expect(broker.url).toMatch(new RegExp(`^(mqtt|redis|amqp)://${host}:${port}$`))
    expect(await alive()).toBe(true)
    await broker.stop()
    expect(await alive()).toBe(false)
    await broker.start()
    expect(await alive()).toBe(true)
    await broker.kill()
    expect(await alive()).toBe(false)
    await broker.start()
    await broker.pause()
    expect(await alive()).toBe(false)
    await broker.resume()
    expect(await alive()).toBe(true)
    expect(broker.log()).not.toBe('')
    await broker.close()
    await broker.close()
    expect(await alive()).toBe(false)
  })
})

describe('mosquitto', () => {
  it('lets anonymous clients in by default', async () => {
    const mosquitto = await startMosquitto({ own: true })
    broker = mosquitto
    expect(await talk(mosquitto.port)).toBe('hi')
  })

  it('asks for passwords and obeys an ACL, which reload() reads again', async () => {
    const users = { anna: 'sesame' }
    const mosquitto = await startMosquitto({ users, acl: ['user anna', 'topic readwrite a/#'] })
    broker = mosquitto
    await expect(talk(mosquitto.port)).rejects.toThrow(/not authori[sz]ed/i)
    const anna = ['-u', 'anna', '-P', 'sesame']
    expect(await talk(mosquitto.port, ...anna)).toBe('hi')
    await mosquitto.configure({ users, acl: ['user anna', 'topic read b/#'] })
    await mosquitto.reload()
    await expect(talk(mosquitto.port, ...anna)).rejects.toThrow()
  })

  it('keeps messages through a restart if it is persistent', async () => {
    const mosquitto = await startMosquitto({ persistence: true })
    broker = mosquitto
    await talk(mosquitto.port)
    await mosquitto.stop()
    await mosquitto.start()
    const read = ['-h', '127.0.0.1', '-p', String(mosquitto.port), '-t', 'a/b', '-C', '1', '-W', '2']
    expect((await run('mosquitto_sub', read)).stdout.trim()).toBe('hi')
  })

  it('opens a WebSocket listener', async () => {
    const mosquitto = await startMosquitto({ websockets: true })
    broker = mosquitto
    const socket = new WebSocket(mosquitto.wsUrl ?? '', 'mqtt')
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    expect(socket.protocol).toBe('mqtt')
    socket.close()
  })
})

describe('a launcher', () => {
  it('says how to get a broker when there is none', async () => {
    const path = process.env['COMMLIB_REDIS_URL']
    delete process.env['COMMLIB_REDIS_URL']
    await expect(startRedis({ from: 'url' })).rejects.toThrow(/COMMLIB_REDIS_URL.*apt install redis-server/)
    if (path !== undefined) process.env['COMMLIB_REDIS_URL'] = path
  })

  it('takes the broker that a URL names, and cannot restart it', async () => {
    const other = await startRedis({ own: true })
    broker = other
    process.env['COMMLIB_REDIS_URL'] = other.url
    try {
      const named = await startRedis({ from: 'url' })
      expect(named).toMatchObject({ from: 'url', port: other.port, can: { restart: false } })
      await expect(named.stop()).rejects.toThrow(/COMMLIB_REDIS_URL/)
      await named.close()
      expect(await answers(other.host, other.port, PING)).toBe(true)
    } finally {
      delete process.env['COMMLIB_REDIS_URL']
    }
  })

  it('shows the log of a broker that does not start', async () => {
    await expect(startMosquitto({ config: ['nonsense yes'], from: 'binary' })).rejects.toThrow(/nonsense/)
  })

  it('leaves no broker behind when its process is killed', async () => {
    const script = `
      const { startMosquitto } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
      const broker = await startMosquitto({ own: true, from: 'binary' })
      console.log(broker.port)
      process.kill(process.pid, 'SIGKILL')`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]).catch(error => error)
    const port = Number(stdout)
    expect(port).toBeGreaterThan(0)
    await expect.poll(() => answers('127.0.0.1', port, CONNECT), { timeout: 3000 }).toBe(false)
  })
})
