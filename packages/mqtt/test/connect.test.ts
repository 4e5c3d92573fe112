import { spawn } from 'node:child_process'
import { createServer, connect as dial } from 'node:net'
import { createAuthority, type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MqttOptions, mqtt } from '../src/index.ts'
import { after, bytes, connect, eventually, listen, startAedes, text } from './support.ts'

const authority = createAuthority()
const { ca } = authority
const own = authority.sign('localhost', 'localhost')
const { cert, key } = authority.sign('anna', 'localhost')
let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({
    own: true,
    websockets: true,
    tls: { ...own, ca },
    users: { anna: 'sesame' },
    anonymous: true,
  })
})
afterAll(() => broker.close())

/** Why connecting fails. */
async function failure(url: string, options?: MqttOptions): Promise<{ code: string; message: string }> {
  const transport = mqtt(url, options)
  after(() => transport.close())
  return transport.connect({ timeout: 2000 }).then(
    () => expect.fail('it connected'),
    error => error,
  )
}

async function roundTrip(...[url, options]: Parameters<typeof connect>): Promise<void> {
  const { transport } = await connect(url, options)
  const got: string[] = []
  await transport.subscribe('round.trip', (_, frame) => void got.push(text(frame)))
  await transport.publish('round.trip', { body: bytes('x'.repeat(30_000)) })
  await transport.publish('round.trip', { body: bytes('y') })
  await eventually(() => expect(got).toEqual(['x'.repeat(30_000), 'y']))
}

describe('connecting', () => {
  it('works over WebSocket', async () => {
    await roundTrip(broker.wsUrl as string)
    await roundTrip(broker.wsUrl as string, { protocolVersion: 4 })
  })

  it('works over TLS, with a certificate of its own', async () => {
    await roundTrip(broker.tlsUrl as string, { host: 'localhost', tls: { ca, cert, key } })
    await roundTrip(broker.tlsUrl as string, { tls: { ca, cert, key, servername: 'localhost' } })
  })

  it('refuses a certificate that it does not know', async () => {
    const error = await failure(broker.tlsUrl as string, { host: 'localhost', tls: { cert, key } })
    expect(error).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`localhost:${new URL(broker.tlsUrl as string).port}`),
    })
    expect(error.message).toContain('certificate is not accepted')
  })

  it('refuses a certificate for another host, unless told not to look', async () => {
    const error = await failure(broker.tlsUrl as string, { tls: { ca, cert, key, servername: 'elsewhere' } })
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('certificate') })
    await roundTrip(broker.tlsUrl as string, { tls: { cert, key, rejectUnauthorized: false } })
  })

  it.each([5, 4] as const)('tells a wrong password, in MQTT %i', async protocolVersion => {
    const error = await failure(broker.url, { username: 'anna', password: 'guess', protocolVersion })
    expect(error).toMatchObject({
      code: 'NOT_AUTHORIZED',
      message: expect.stringContaining(`${broker.host}:${broker.port}`),
    })
    expect(JSON.stringify(error) + error.message).not.toContain('guess')
    await roundTrip(broker.url, { username: 'anna', password: 'sesame', protocolVersion })
  })

  it('tells an unknown host, a refused connection and another protocol', async () => {
    expect(await failure('mqtt://no-such-host.invalid')).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(
        /mqtt:\/\/no-such-host\.invalid:1883: (unknown host|the host name could not be resolved)/,
      ),
    })
    expect(await failure('mqtt://127.0.0.1:1')).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('mqtt://127.0.0.1:1: connection refused'),
    })
    const server = createServer(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    after(() => server.close())
    expect(await failure(`mqtt://127.0.0.1:${await listen(server)}`)).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('goes back to MQTT 3.1.1 where 5 is refused, and says so once', async () => {
    const { url } = await startAedes()
    const { transport, statuses } = await connect(url, { group: false })
    expect(transport.supports).toMatchObject({ headers: 'never', noService: 'never', expiry: false })
    expect(statuses.map(({ type }) => type)).toEqual(['error', 'connected'])
    expect(statuses[0]).toMatchObject({ error: { code: 'UNSUPPORTED', message: expect.stringContaining('3.1.1') } })
    const got: string[] = []
    await transport.subscribe('a.*', topic => void got.push(topic))
    await transport.publish('a.b', { body: bytes('x') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['a.b']))
  })

  it('goes back to MQTT 3.1.1 where the broker hangs up on 5', async () => {
    const { url } = await startAedes()
    const upstream = new URL(url)
    const server = createServer(socket => {
      socket.once('data', first => {
        // The protocol level stands at byte 8 of a CONNECT shorter than 128 bytes, and at 9 of a longer one.
        const level = first[first.indexOf('MQTT') + 4]
        if (level === 5) return socket.end()
        const to = dial(Number(upstream.port), upstream.hostname)
        to.write(first)
        socket.pipe(to).pipe(socket)
        return undefined
      })
      socket.on('error', () => {})
    })
    after(() => server.close())
    await roundTrip(`mqtt://127.0.0.1:${await listen(server)}`, { group: false })
  })

  it('speaks no other version where one was chosen', async () => {
    const { url } = await startAedes()
    expect(await failure(url, { protocolVersion: 5 })).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('leaves a process that can end, however it was closed', async () => {
    const program = `
      import { mqtt } from '${new URL('../src/index.ts', import.meta.url).href}'
      const connected = mqtt('${broker.url}')
      await connected.connect()
      await connected.subscribe('a', () => {}, { reliable: true })
      await connected.subscribe('b', () => {}, { durable: 'exit-${process.pid}' })
      await connected.pull('c', () => {})
      for (let i = 0; i < 100; i++) void connected.publish('a', { body: new Uint8Array(10) }, { reliable: i % 2 === 0 })
      const never = mqtt('mqtt://127.0.0.1:1')
      await never.connect({ waitForBroker: true })
      const during = mqtt('${broker.url}')
      during.connect().catch(() => {})
      await Promise.all([connected.close(), never.close(), during.close()])
      console.log('closed')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let closedAt = Infinity
    child.stdout.on('data', () => {
      closedAt = performance.now()
    })
    const code = await new Promise(resolve => child.once('exit', resolve))
    expect(code).toBe(0)
    expect(performance.now() - closedAt).toBeLessThan(500)
  })

  it('leaves a will for when it is killed, and none when it closes', async () => {
    const { transport } = await connect(broker.url)
    const got: string[] = []
    await transport.subscribe('wills.*', (topic, frame) => void got.push(`${topic} ${text(frame)}`))
    const program = `
      import { mqtt } from '${new URL('../src/index.ts', import.meta.url).href}'
      const transport = mqtt('${broker.url}', { will: { topic: 'wills.' + process.argv[1], payload: 'gone', reliable: true } })
      await transport.connect()
      if (process.argv[1] === 'closed') await transport.close()
      console.log('ready')`
    for (const how of ['closed', 'killed']) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, how], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await new Promise(resolve => child.stdout.once('data', resolve))
      child.kill('SIGKILL')
    }
    await eventually(() => expect(got).toEqual(['wills.killed gone']))
  })
})
