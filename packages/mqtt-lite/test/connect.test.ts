import { createServer } from 'node:net'
import type { ConnectionOptions as TlsConnectOptions } from 'node:tls'
import type { Transport, TransportStatus } from '@commlib/core/internal'
import { createAuthority, type Mosquitto, startMosquitto } from '@commlib/testing'
import { Aedes } from 'aedes'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket as WsWebSocket } from 'ws'
import { type MqttLiteOptions, mqttLite } from '../src/index.ts'
import { forgetDurable as forgetUnchecked, mqttLite as unchecked } from '../src/lean.ts'

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
    config: ['max_packet_size 20000', 'max_inflight_messages 1'],
  })
})
afterAll(() => broker.close())

let cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

async function connect(
  url: string,
  options?: MqttLiteOptions,
): Promise<{ transport: Transport; statuses: TransportStatus[] }> {
  const transport = mqttLite(url, options)
  cleanups.push(() => transport.close())
  const statuses: TransportStatus[] = []
  await transport.connect({ timeout: 2000, onStatus: status => statuses.push(status) })
  return { transport, statuses }
}

async function roundTrip(...[url, options]: Parameters<typeof connect>): Promise<void> {
  const { transport } = await connect(url, options)
  const got: string[] = []
  await transport.subscribe('round.*', topic => void got.push(topic))
  await transport.publish('round.trip', { body: new Uint8Array(10_000) })
  await transport.publish('round.end', { body: new Uint8Array() }, { reliable: true })
  await vi.waitFor(() => expect(got).toEqual(['round.trip', 'round.end']))
}

describe('connecting', () => {
  it('works over TLS, with a certificate of its own', async () => {
    const url = (broker.tlsUrl as string).replace('127.0.0.1', 'localhost')
    // A container may be elsewhere, at an address that the certificate does not know.
    const named = url.includes('localhost') ? {} : { servername: 'localhost' }
    await roundTrip(url, { tls: { ca, cert, key, ...named } })
    await roundTrip(broker.tlsUrl as string, { tls: { ca, cert, key, servername: 'localhost' } })
    await roundTrip(broker.tlsUrl as string, { tls: { cert, key, rejectUnauthorized: false } })
  })

  it('refuses a certificate that it does not know, or that is for another host', async () => {
    const url = (broker.tlsUrl as string).replace('127.0.0.1', 'localhost')
    const failed = { code: 'CONNECTION_FAILED', message: expect.stringMatching(/certificate/) }
    await expect(connect(url, { tls: { cert, key } })).rejects.toMatchObject(failed)
    const elsewhere = connect(url, { tls: { ca, cert, key, servername: 'elsewhere' } })
    await expect(elsewhere).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('works over WebSocket and TLS, with a WebSocket that it is given', async () => {
    const opened: string[] = []
    // What it trusts, a WebSocket of the platform cannot be told.
    class Trusting extends WsWebSocket {
      constructor(url: string | URL, protocols: string) {
        const options: TlsConnectOptions = { ca, servername: 'localhost' }
        super(url, protocols, options)
        opened.push(`${new URL(url).protocol} ${protocols}`)
      }
    }
    const webSocket = Trusting as unknown as typeof WebSocket // its types know events of its own
    await roundTrip(broker.wssUrl as string, { webSocket })
    await roundTrip(broker.wsUrl as string, { webSocket })
    expect(opened).toEqual(['wss: mqtt', 'ws: mqtt'])
    for (const wrong of [class extends WsWebSocket {}, undefined] as Array<typeof WebSocket | undefined>) {
      await expect(connect(broker.wssUrl as string, { webSocket: wrong })).rejects.toMatchObject({
        code: 'CONNECTION_FAILED',
        message: expect.stringContaining(broker.wssUrl as string),
      })
    }
  })

  it('needs a WebSocket, and says so where there is none', async () => {
    vi.stubGlobal('WebSocket', undefined)
    cleanups.push(() => vi.unstubAllGlobals())
    const missing = connect(broker.wsUrl as string)
    await expect(missing).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('webSocket') })
    await roundTrip(broker.wsUrl as string, { webSocket: WsWebSocket as unknown as typeof WebSocket })
  })

  it.each([5, 4] as const)('tells a wrong password, in MQTT %i', async protocolVersion => {
    const wrong = connect(broker.url, { username: 'anna', password: 'guess', protocolVersion })
    await expect(wrong).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining('guess') })
    await roundTrip(broker.url.replace('//', '//anna:sesame@'), { protocolVersion })
  })

  it('tells an unknown host, a refused connection and another protocol', async () => {
    await expect(connect('mqtt://no-such-host.invalid')).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/mqtt:\/\/no-such-host\.invalid:1883: .*(ENOTFOUND|EAI_AGAIN)/),
    })
    await expect(connect('mqtt://127.0.0.1:1')).rejects.toMatchObject({
      message: expect.stringContaining('ECONNREFUSED'),
    })
    const server = createServer(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
    cleanups.push(() => server.close())
    await vi.waitFor(() => expect(server.address()).not.toBeNull())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    await expect(connect(`mqtt://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('goes back to MQTT 3.1.1 where 5 is refused, and says so once', async () => {
    const aedes = await Aedes.createBroker()
    const server = createServer(aedes.handle).listen(0, '127.0.0.1')
    cleanups.push(() => {
      server.close()
      aedes.close()
    })
    await vi.waitFor(() => expect(server.address()).not.toBeNull())
    const address = server.address()
    const url = `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const { statuses } = await connect(url, { group: false })
    expect(statuses.map(({ type }) => type)).toEqual(['error', 'connected'])
    expect(statuses[0]).toMatchObject({ error: { code: 'UNSUPPORTED' } })
    await expect(connect(url, { protocolVersion: 5 })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })
})

describe.each([5, 4] as const)('in MQTT %i', protocolVersion => {
  it('the broker says what it was told to when the client is gone', async () => {
    const { transport } = await connect(broker.url)
    const got: string[] = []
    const text = new TextDecoder()
    await transport.subscribe('gone.*', (topic, { body }) => void got.push(`${topic} ${text.decode(body)}`), {
      reliable: true,
    })
    const options = { protocolVersion, clientId: `mortal-${protocolVersion}` }
    const will = { topic: 'gone.mortal', payload: 'bye', reliable: true }
    const { transport: mortal } = await connect(broker.url, { ...options, will })
    await mortal.subscribe('anything', () => {})
    // Its connection is ended by one of the same name.
    await connect(broker.url, options)
    await vi.waitFor(() => expect(got).toContain('gone.mortal bye'))
    await mortal.close()
  })

  it('a hundred reliable messages pass a window of one, in order', async () => {
    const { transport } = await connect(broker.url, { protocolVersion, receiveMaximum: 1 })
    const got: number[] = []
    await transport.subscribe('window', async (_, { body }) => void got.push(body[0] as number), { reliable: true })
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await Promise.all(numbers.map(i => transport.publish('window', { body: Uint8Array.of(i) }, { reliable: true })))
    await vi.waitFor(() => expect(got).toEqual(numbers), { timeout: 8000 })
  })
})

it('a packet that the broker would not take is refused, and the connection stays', async () => {
  const { transport, statuses } = await connect(broker.url)
  for (const reliable of [false, true]) {
    const large = transport.publish('large', { body: new Uint8Array(20_000) }, { reliable })
    await expect(large).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  }
  await transport.publish('small', { body: new Uint8Array(1) }, { reliable: true })
  expect(statuses.map(({ type }) => type)).toEqual(['connected'])
})

it.each([
  ['nonsense', {}],
  ['http://localhost', {}],
  ['mqtt://localhost', { keepAlive: 3 }],
  ['mqtt://localhost', { keepalive: -1 }],
  ['mqtt://localhost', { receiveMaximum: 65_536 }],
  ['mqtt://localhost', { protocolVersion: 3 }],
  ['mqtt://localhost', { clientId: '' }],
  ['mqtt://localhost', { group: 'a/b' }],
  ['mqtt://localhost', { inbox: 'a/b' }],
  ['mqtt://localhost', { password: 'p' }],
  ['mqtt://localhost', { offlineBuffer: { maxMessages: -1 } }],
  ['mqtt://localhost', { will: { topic: 'a/b', payload: '' } }],
  ['ws://localhost', { tls: {} }],
])('%s with %o is refused at once', (url, options) => {
  expect(() => mqttLite(url, options as MqttLiteOptions)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }),
  )
})

it('the lean entry is the same without the check of options', async () => {
  const transport = unchecked(broker.url, { keepalive: 7, inbox: 'lean' })
  cleanups.push(() => transport.close())
  await transport.connect()
  const got: string[] = []
  await transport.subscribe('lean.*', topic => void got.push(topic), { durable: 'lean-test', reliable: true })
  await transport.publish('lean.end', { body: new Uint8Array() }, { reliable: true })
  await vi.waitFor(() => expect(got).toEqual(['lean.end']))
  await transport.close()
  await forgetUnchecked(broker.url, 'lean-test')
  expect(unchecked.schemes).toEqual(mqttLite.schemes)
  expect(() => unchecked('nonsense')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
})
