import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { CommlibError, createNode, type NodeOptions, rpc, type TransportStatus } from '@commlib/core'
import { createAuthority, freePort, type Identity, type RedisServer, selfSigned, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'
import { after, bytes, connect, eventually, listen, quiet, raw, text, unique } from './support.ts'

const SECRET = 'sesame-0pen'
const users = {
  anna: `on >${SECRET} ~* &* +@all`,
  away: `off >${SECRET} ~* &* +@all`,
  nothing: `on >${SECRET} ~* &* -@all`,
}
const authority = createAuthority()
const other = createAuthority()
const { ca } = authority
const anna = { username: 'anna', password: SECRET }

let broker: RedisServer
let mutual: RedisServer
let closed: RedisServer
let expired: RedisServer
let own: RedisServer
beforeAll(async () => {
  const server = authority.sign('broker', 'localhost')
  const tls = (identity: Identity) => startRedis({ tls: identity })
  ;[broker, mutual, closed, expired, own] = await Promise.all([
    startRedis({ users, tls: server, socket: true }),
    startRedis({ tls: { ...server, ca } }),
    startRedis({ config: [`requirepass ${SECRET}`] }),
    tls(authority.sign('broker', 'localhost', 0)),
    tls(selfSigned('localhost')),
  ])
})
afterAll(() => Promise.all([broker, mutual, closed, expired, own].map(each => each.close())))

/** The TLS listener, under the name of its certificate. */
const secure = ({ tlsUrl, host }: RedisServer) => String(tlsUrl).replace(host, 'localhost')

async function roundTrip(url: string, options: RedisOptions = {}): Promise<void> {
  const { transport } = await connect(url, options)
  const [topic, queue] = [unique(), unique()]
  const got: string[] = []
  await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
  await transport.pull(queue, frame => void got.push(text(frame)))
  await transport.publish(topic, { body: bytes('topic') }, { reliable: true })
  await transport.push(queue, { body: bytes('queue') })
  await eventually(() => expect(got.sort()).toEqual(['queue', 'topic']))
}

/** Why a node cannot connect; with everything it says on the way. */
async function failure(url: string, options: RedisOptions = {}, how: NodeOptions = {}) {
  const said: unknown[] = []
  const say = (...what: unknown[]) => void said.push(...what)
  const node = createNode({
    transport: redis(url, options),
    heartbeat: false,
    debug: true,
    log: { debug: say, info: say, warn: say, error: say },
    onStatus: say,
    onError: say,
    connectTimeout: 3000,
    ...how,
  })
  const error = await node.then(
    connected => {
      after(() => connected.close())
      return undefined
    },
    thrown => thrown,
  )
  return { error, said }
}

describe('connecting', () => {
  it('takes a user, a password and a database, from the URL or as options', async () => {
    const { host, port, url } = broker
    await roundTrip(`redis://anna:${SECRET}@${host}:${port}/1`)
    await roundTrip(`redis://anna:${SECRET}@${host}:${port}?db=1`, { protocolVersion: 2 })
    await roundTrip(url, { ...anna, db: 1 })
    await roundTrip(closed.url.replace('redis://', `redis://:${SECRET}@`))
    await roundTrip(closed.url, { password: SECRET, protocolVersion: 2 })
  })

  it('keeps the queues and streams of databases apart, and shares their channels', async () => {
    const [one, two] = [await connect(broker.url, { db: 1 }), await connect(broker.url, { db: 2 })]
    const [topic, queue] = [unique(), unique()]
    const got: string[] = []
    const note = (text: string) => void got.push(text)
    await one.transport.subscribe(topic, (_, frame) => note(text(frame)))
    await one.transport.pull(queue, frame => note(text(frame)))
    await two.transport.push(queue, { body: bytes('queue of two') })
    await one.transport.push(queue, { body: bytes('queue of one') })
    await two.transport.publish(topic, { body: bytes('topic of two') })
    await eventually(() => expect(got.sort()).toEqual(['queue of one', 'topic of two']))
    expect(await raw(`${broker.url}/2`).llen(queue)).toBe(1)
  })

  it('works over a Unix socket', async () => {
    const socket = String(broker.socketUrl)
    await roundTrip(socket)
    await roundTrip(`${socket}?db=1`)
    await roundTrip(socket, anna)
    const transport = redis({ path: socket.slice('unix:'.length), ...anna })
    after(() => transport.close())
    await transport.connect()
  })

  it('works over TLS, with the server verified, and with a certificate of its own', async () => {
    await roundTrip(secure(broker), { tls: { ca } })
    await roundTrip(secure(broker), { tls: { ca: new TextEncoder().encode(ca) }, ...anna, db: 1, protocolVersion: 2 })
    await roundTrip(String(broker.tlsUrl), { tls: { ca, servername: 'localhost' } })
    await roundTrip(secure(mutual), { tls: { ca, ...authority.sign('r1', 'localhost') } })
    await roundTrip(secure(own), { tls: { rejectUnauthorized: false } })
  })

  it('fails in words that tell the causes apart, and show no secret', async () => {
    await quiet(1100) // until what was valid for no day has expired
    const web = createServer(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    after(() => web.close())
    const webUrl = `redis://127.0.0.1:${await listen(web)}`
    const tls = { ca }
    const password = `${SECRET}?`
    const nowhere = `unix:/run/${unique()}.sock`
    const [denied, failed] = ['NOT_AUTHORIZED', 'CONNECTION_FAILED']
    const cases: ReadonlyArray<readonly [url: string, options: RedisOptions, code: string, message: RegExp]> = [
      [broker.url, { ...anna, password }, denied, /WRONGPASS/],
      [broker.url, { ...anna, password, protocolVersion: 2 }, denied, /WRONGPASS/],
      [broker.url, { username: 'nobody', password }, denied, /WRONGPASS/],
      [broker.url, { username: 'away', password: SECRET }, denied, /WRONGPASS/],
      [broker.url, { username: 'nothing', password: SECRET }, denied, /NOPERM/],
      [closed.url, {}, denied, /NOAUTH/],
      [closed.url, { protocolVersion: 2 }, denied, /NOAUTH/],
      [closed.url, { password }, denied, /WRONGPASS/],
      [closed.url, { password, protocolVersion: 2 }, denied, /WRONGPASS|invalid password/],
      [broker.url, { ...anna, db: 99 }, failed, /DB index is out of range/],
      [`redis://127.0.0.1:${await freePort()}`, anna, failed, /connection refused/],
      [`rediss://127.0.0.1:${await freePort()}`, { ...anna, tls }, failed, /connection refused/],
      ['redis://no-such-host.invalid', anna, failed, /unknown host|could not be resolved/],
      [nowhere, anna, failed, /there is no such socket/],
      [webUrl, anna, failed, /does not speak Redis' protocol/],
      [secure(expired), { ...anna, tls }, failed, /certificate is not accepted: it has expired/],
      [secure(own), { ...anna, tls }, failed, /certificate is not accepted: it is self-signed/],
      [secure(broker), anna, failed, /certificate is not accepted: its authority is unknown/],
      [secure(broker), { ...anna, tls: { ca: other.ca } }, failed, /certificate is not accepted: its authority/],
      [
        secure(broker),
        { ...anna, tls: { ca, servername: 'elsewhere' } },
        failed,
        /certificate is not accepted: it is for another host/,
      ],
      [secure(mutual), { ...anna, tls }, failed, /client's certificate|hung up|reset/],
      [
        secure(mutual),
        { ...anna, tls: { ca, ...other.sign('r1', 'localhost') } },
        failed,
        /client's certificate|hung up|reset/,
      ],
      [broker.url.replace('redis:', 'rediss:'), { ...anna, tls }, failed, /no answer within/],
      [secure(broker).replace('rediss:', 'redis:'), anna, failed, /TLS|hung up|reset|closed/],
    ]
    for (const [url, options, code, message] of cases) {
      const { error, said } = await failure(url, options)
      expect(error, `${url} ${message}`).toBeInstanceOf(CommlibError)
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
      expect(error.message).toContain(url)
      expect(inspect([error, error.cause, said], { depth: 12, showHidden: true })).not.toContain(SECRET)
    }
    for (const url of [broker.url, closed.url.replace('redis://', `redis://:${SECRET}@`)]) {
      const admin = raw(url)
      // Its own.
      await eventually(async () =>
        expect(
          String(await admin.client('LIST'))
            .trim()
            .split('\n'),
        ).toHaveLength(1),
      )
    }
  })

  it('tells the same in the statuses of who waits for the broker, and leaves no connection behind', async () => {
    const statuses: TransportStatus[] = []
    const options = { username: 'nothing', password: SECRET }
    const how: NodeOptions = { waitForBroker: true, onStatus: status => statuses.push(status) }
    const { error, said } = await failure(broker.url, options, how)
    expect(error).toBeUndefined()
    await eventually(() => expect(statuses.length).toBeGreaterThan(3))
    for (const status of statuses) {
      const cause = { code: 'NOT_AUTHORIZED', message: expect.stringContaining('NOPERM') }
      expect(status).toMatchObject({ type: 'reconnecting', cause })
    }
    expect(inspect([statuses, said], { depth: 12, showHidden: true })).not.toContain(SECRET)
    const admin = raw(broker.url)
    // One that is being refused at the moment may be there.
    const lines = String(await admin.client('LIST')).split('\n')
    expect(lines.filter(line => line.includes('user=nothing')).length).toBeLessThanOrEqual(1)
  })

  it('is back once a password that was changed is right again, and shows neither meanwhile', async () => {
    const admin = raw(broker.url)
    const username = unique()
    await admin.acl('SETUSER', username, 'on', `>${SECRET}`, '~*', '&*', '+@all')
    const { transport, statuses, errors } = await connect(broker.url, { username, password: SECRET })
    const got: string[] = []
    await transport.pull(username, frame => void got.push(text(frame)))
    await admin.acl('SETUSER', username, 'resetpass', `>${SECRET}-2`)
    await admin.client('KILL', 'USER', username)
    const cause = { code: 'NOT_AUTHORIZED', message: expect.stringContaining('WRONGPASS') }
    await eventually(() =>
      expect(statuses).toContainEqual(
        expect.objectContaining({ type: 'reconnecting', cause: expect.objectContaining(cause) }),
      ),
    )
    await admin.acl('SETUSER', username, 'resetpass', `>${SECRET}`)
    await eventually(() => expect(statuses.at(-1)?.type).toBe('connected'))
    await transport.push(username, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['x']))
    expect(inspect([statuses, errors], { depth: 12, showHidden: true })).not.toContain(SECRET)
  })

  it('leaves no secret in what a node and a transport are printed as', async () => {
    const transport = redis(broker.url, anna)
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const node = await createNode({ transport, heartbeat: false, log })
    after(() => node.close())
    await node.serve(rpc(unique()), () => ({}))
    expect(inspect([node, transport], { depth: 12, showHidden: true })).not.toContain(SECRET)
    expect(JSON.stringify([node, transport])).not.toContain(SECRET)
  })
})
