import { inspect } from 'node:util'
import {
  CommlibError,
  createNode,
  json,
  type Logger,
  type NodeOptions,
  rpc,
  type TransportStatus,
  topic,
} from '@commlib/core'
import { deflate } from '@commlib/core/deflate'
import {
  type Authority,
  createAuthority,
  freePort,
  type Identity,
  type Mosquitto,
  selfSigned,
  startMosquitto,
} from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MqttOptions, mqtt } from '../src/index.ts'
import { after, bytes, connect, eventually, quiet } from './support.ts'

const SECRET = 'sesame-0pen'
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

describe('options', () => {
  const shown = [
    [{ host: 5 }, 'host (5)'],
    [{ path: 5 }, 'path (5)'],
    [{ username: 5 }, 'username (5)'],
    [{ username: 'a\u0000b' }, "username ('a\\u0000b')"],
    [{ clientId: 5 }, 'clientId (5)'],
    [{ clientId: 'a\n' }, "clientId ('a\\u000a')"],
    [{ clientId: 'x'.repeat(70_000) }, 'clientId'],
    [{ protocolVersion: '5' }, "protocolVersion ('5')"],
    [{ keepalive: 1.5 }, 'keepalive (1.5)'],
    [{ keepalive: '30' }, "keepalive ('30')"],
    [{ sessionExpiry: Infinity }, 'sessionExpiry (Infinity)'],
    [{ group: 5 }, 'group (5)'],
    [{ group: true }, 'group (true)'],
    [{ connectTimeout: Infinity }, 'connectTimeout (Infinity)'],
    [{ maxMessageBytes: '1' }, "maxMessageBytes ('1')"],
    [{ will: 'gone' }, "will ('gone')"],
    [{ will: { topic: 'a..b', payload: '' } }, "not a topic: 'a..b'"],
    [{ will: { topic: 'a', payload: '', qos: 1 } }, 'will.qos'],
    [{ will: { topic: 'a', payload: '', reliable: 1 } }, 'will.reliable (1)'],
    [{ will: { topic: 'a', payload: 'x'.repeat(70_000) } }, 'will.payload has 70000 bytes'],
    [{ offlineBuffer: 5 }, 'offlineBuffer (5)'],
    [{ offlineBuffer: { maxMesages: 5 } }, 'offlineBuffer.maxMesages'],
    [{ client: 5 }, 'client (5)'],
    [{ tls: true, protocol: 'mqtts' }, 'tls (true)'],
    [{ tls: { ca: 5 }, protocol: 'mqtts' }, 'tls.ca'],
    [{ tls: { rejectUnauthorized: 'no' }, protocol: 'mqtts' }, "tls.rejectUnauthorized ('no')"],
    [{ tls: { servername: 5 }, protocol: 'mqtts' }, 'tls.servername (5)'],
  ] as const
  it.each(shown)('refuse %o and show it', (options, message) => {
    expect(() => mqtt(options as never)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^INVALID_(OPTION|TOPIC)$/),
        message: expect.stringContaining(message),
      }),
    )
  })

  it.each([null, 5, true, 'x'])('that are %o are refused', options => {
    for (const make of [() => mqtt(options as never), () => mqtt('mqtt://host', options as never)]) {
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })

  it.each([
    `mqtt//anna:${SECRET}@host`,
    `mqtt:anna:${SECRET}@host`,
    `anna:${SECRET}@host:1883`,
    `anna:${SECRET}@host`,
    `//anna:${SECRET}@host`,
    `http://anna:${SECRET}@host`,
    `mqtt://anna:${SECRET}@`,
    `mqtt://anna:${SECRET}@host:99999`,
    `mqtt://anna:%zz${SECRET}@host`,
    `mqtt://anna:12/${SECRET}@host`,
    `mqtt://anna:12#${SECRET}@host`,
    `mqtt://anna:${SECRET}#@host`,
    `mqtt://anna:${SECRET}\u0000@host:x`,
  ])('refuse the URL %o, and do not show the password', url => {
    let thrown: unknown
    try {
      mqtt(url)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('url') })
    expect(inspect(thrown, { depth: 9 })).not.toContain(SECRET)
  })

  it('show no password where a host is an URL, nor keys and passphrases', () => {
    const wrong: MqttOptions[] = [
      { host: `mqtt://anna:${SECRET}@host` },
      { username: 'anna', password: { SECRET } as never },
      { protocol: 'mqtts', tls: { key: { SECRET } as never } },
      { protocol: 'mqtts', tls: { passphrase: [SECRET] as never } },
      { username: 'anna', password: SECRET.repeat(10_000) },
    ]
    for (const options of wrong) {
      let thrown: unknown
      try {
        mqtt(options)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ code: 'INVALID_OPTION' })
      expect(inspect(thrown, { depth: 9 })).not.toContain(SECRET)
    }
  })
})

describe('connecting', () => {
  let authority: Authority
  let other: Authority
  let client: Identity
  let good: Mosquitto
  let mutual: Mosquitto
  let expired: Mosquitto
  let own: Mosquitto
  beforeAll(async () => {
    authority = createAuthority()
    other = createAuthority()
    client = authority.sign('r1', 'localhost')
    const server = authority.sign('broker', 'localhost')
    const tls = (identity: Identity, more = {}) =>
      startMosquitto({ own: true, users: { anna: SECRET }, tls: { ...identity, ...more } })
    ;[good, mutual, expired, own] = await Promise.all([
      tls(server),
      startMosquitto({
        own: true,
        tls: { ...server, ca: authority.ca },
        acl: ['user r1', 'topic write r1/#', 'topic read r1/#'],
        config: ['use_identity_as_username true'],
      }),
      tls(authority.sign('broker', 'localhost', 0)),
      tls(selfSigned('localhost')),
    ])
  })
  afterAll(() => Promise.all([good, mutual, expired, own].map(broker => broker.close())))

  /** Why a node cannot connect; with everything it says on the way. */
  async function failure(url: string, options: MqttOptions, how: NodeOptions = {}) {
    const said: unknown[] = []
    const say = (...what: unknown[]) => void said.push(...what)
    const log = { debug: say, info: say, warn: say, error: say }
    const { username = 'anna', password = SECRET, ...rest } = options
    const transport = mqtt(url, { username, password, ...rest })
    const base = {
      transport,
      heartbeat: false,
      debug: true,
      log,
      onStatus: say,
      onError: say,
      connectTimeout: 3000,
    } as const
    const error = await createNode({ ...base, ...how }).then(
      node => {
        after(() => node.close())
        return undefined
      },
      thrown => thrown,
    )
    return { error, said }
  }

  it('fails in words that tell the causes apart, and show no secret', async () => {
    const { ca } = authority
    const tls = { ca }
    await quiet(1100) // until what was valid for no day has expired
    const port = await freePort()
    const at = (broker: Mosquitto) => String(broker.tlsUrl).replace(broker.host, 'localhost')
    const cases: ReadonlyArray<readonly [url: string, options: MqttOptions, code: string, message: RegExp]> = [
      [good.url, { password: `${SECRET}?` }, 'NOT_AUTHORIZED', /bad user name or password|not authorized/],
      [
        good.url,
        { password: `${SECRET}?`, protocolVersion: 4 },
        'NOT_AUTHORIZED',
        /bad user name or password|not authorized/,
      ],
      [`mqtt://127.0.0.1:${port}`, {}, 'CONNECTION_FAILED', /connection refused/],
      ['mqtt://no-such-host.invalid', {}, 'CONNECTION_FAILED', /unknown host|could not be resolved/],
      [at(expired), { tls }, 'CONNECTION_FAILED', /certificate is not accepted: it has expired/],
      [at(own), { tls }, 'CONNECTION_FAILED', /certificate is not accepted: it is self-signed/],
      [at(good), {}, 'CONNECTION_FAILED', /certificate is not accepted: its authority is unknown/],
      [
        at(good),
        { tls: { ca: other.ca } },
        'CONNECTION_FAILED',
        /certificate is not accepted: its authority is unknown/,
      ],
      [
        at(good),
        { tls: { ca, servername: 'elsewhere' } },
        'CONNECTION_FAILED',
        /certificate is not accepted: it is for another host/,
      ],
      [at(mutual), { tls }, 'CONNECTION_FAILED', /client's certificate|hung up|reset/],
      [
        at(mutual),
        { tls: { ca, ...other.sign('r1', 'localhost') } },
        'CONNECTION_FAILED',
        /client's certificate|hung up|reset/,
      ],
    ]
    for (const [url, options, code, message] of cases) {
      const { error, said } = await failure(url, options)
      expect(error, url).toBeInstanceOf(CommlibError)
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
      const address = new URL(url)
      expect(error.message).toContain(`${address.protocol}//${address.hostname}`)
      expect(inspect([error, error.cause, said], { depth: 12, showHidden: true })).not.toContain(SECRET)
    }
    const messages = new Set(
      await Promise.all(cases.slice(2, 6).map(async ([url, o]) => (await failure(url, o)).error.message)),
    )
    expect(messages.size).toBe(4)
  })

  it('tells the same in the statuses of who waits for the broker', async () => {
    const statuses: TransportStatus[] = []
    const { error, said } = await failure(
      String(own.tlsUrl).replace(own.host, 'localhost'),
      { tls: { ca: authority.ca } },
      { waitForBroker: true, onStatus: status => statuses.push(status) },
    )
    expect(error).toBeUndefined()
    await eventually(() => expect(statuses.length).toBeGreaterThan(1))
    expect(statuses[0]).toMatchObject({
      type: 'reconnecting',
      cause: { code: 'CONNECTION_FAILED', message: expect.stringContaining('it is self-signed') },
    })
    expect(inspect([statuses, said], { depth: 12, showHidden: true })).not.toContain(SECRET)
  })

  it('works where the certificate is what it must be', async () => {
    const url = String(good.tlsUrl).replace(good.host, 'localhost')
    const { error, said } = await failure(url, { tls: { ca: authority.ca } })
    expect(error).toBeUndefined()
    expect(said).toContainEqual({ type: 'connected' })
    expect(inspect(said, { depth: 12, showHidden: true })).not.toContain(SECRET)
  })

  it('lets a client in by its certificate, with the rights of its name', async () => {
    const url = String(mutual.tlsUrl).replace(mutual.host, 'localhost')
    const { transport } = await connect(url, { tls: { ca: authority.ca, ...client } })
    const got: string[] = []
    await transport.subscribe('*', name => void got.push(name))
    await transport.publish('r1.x', { body: bytes('x') }, { reliable: true })
    const foreign = transport.publish('r2.x', { body: bytes('x') }, { reliable: true })
    await expect(foreign).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
    await eventually(() => expect(got).toEqual(['r1.x']))
  })

  it('leaves no secret in what a node and a transport are printed as', async () => {
    const transport = mqtt(good.url, { username: 'anna', password: SECRET })
    const node = await createNode({ transport, heartbeat: false, log: silent })
    after(() => node.close())
    expect(inspect([node, transport], { depth: 12, showHidden: true })).not.toContain(SECRET)
    expect(JSON.stringify([node, transport])).not.toContain(SECRET)
  })
})

describe('what is hostile', () => {
  let broker: Mosquitto
  beforeAll(async () => {
    broker = await startMosquitto({ own: true })
  })
  afterAll(() => broker.close())

  it.each([5, 4] as const)('does not disconnect MQTT %i, wherever it asks to be sent', async protocolVersion => {
    const { transport, statuses } = await connect(broker.url, { protocolVersion })
    const body = bytes('x')
    const names = [
      '',
      '+',
      '#',
      'a.*',
      'a/#',
      'a+b',
      '$SYS.a',
      '$share.a.b',
      'a\u0000',
      'a\n',
      '\ud800',
      '%2B',
      '%23',
      'a.%24\uffff',
    ]
    for (const name of names) {
      for (const reliable of [false, true]) {
        await expect(transport.publish(name, { body }, { reliable }), name).rejects.toMatchObject({
          code: 'INVALID_TOPIC',
        })
      }
      await expect(transport.push(name, { body })).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
    }
    const tooLarge = { code: 'MESSAGE_TOO_LARGE' }
    await expect(transport.push('x'.repeat(70_000), { body })).rejects.toMatchObject(tooLarge)
    await expect(transport.push('ä'.repeat(40_000), { body })).rejects.toMatchObject(tooLarge)
    if (protocolVersion === 5) {
      for (const text of ['x'.repeat(70_000), 'ä'.repeat(400_000)]) {
        await expect(transport.push('a', { body, correlationId: text })).rejects.toMatchObject(tooLarge)
        await expect(transport.push('a', { body, contentType: text })).rejects.toMatchObject(tooLarge)
        await expect(transport.push('a', { body, headers: { [text]: '' } })).rejects.toMatchObject(tooLarge)
      }
    }
    const got: string[] = []
    await transport.subscribe('a', name => void got.push(name))
    await transport.publish('a', { body }, { reliable: true })
    await eventually(() => expect(got).toEqual(['a']))
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it.each([5, 4] as const)('does not fill the memory of MQTT %i: 64 MB, and a zip bomb', async protocolVersion => {
    const errors: unknown[] = []
    const codec = deflate(json)
    const node = await createNode({
      transport: mqtt(broker.url, { protocolVersion }),
      codec,
      heartbeat: false,
      onError: error => errors.push(error),
    })
    after(() => node.close())
    const got: unknown[] = []
    await node.subscribe(topic('large'), message => void got.push(message))
    await node.serve(rpc('large.call'), () => ({}))
    const { transport: raw } = await connect(broker.url, { maxMessageBytes: 100 * 1024 * 1024 })
    const before = process.memoryUsage().rss
    const large = new Uint8Array(64 * 1024 * 1024)
    await raw.publish('large', { body: large }, { reliable: true })
    await raw.push('large.call', { body: large })
    const bomb = deflate({ ...json, encode: value => value as Uint8Array }).encode(large)
    for (let i = 0; i < 5; i++) await raw.publish('large', { body: bomb })
    await raw.publish('large', { body: codec.encode({ n: 1 }) })
    await eventually(() => expect(got).toEqual([{ n: 1 }]), 15_000)
    const codes = errors.map(error => (error as CommlibError).code)
    expect(codes.filter(code => code === 'DECODE_FAILED')).toHaveLength(5)
    // A broker of MQTT 5 keeps to the limit that it was told.
    expect(codes.filter(code => code === 'MESSAGE_TOO_LARGE')).toHaveLength(protocolVersion === 5 ? 0 : 2)
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 1024 * 1024)
    expect(node.status).toEqual({ type: 'connected' })
  })
})
