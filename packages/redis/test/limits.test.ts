import { createNode, rpc } from '@commlib/core'
import { type Broker, createFaultProxy, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'
import { after, bytes, connect, eventually, list, quiet, raw, text, unique } from './support.ts'

let broker: Broker
let url: string
beforeAll(async () => {
  broker = await startRedis({ own: true })
  url = broker.url
})
afterAll(() => broker.close())

const tooLarge = { code: 'MESSAGE_TOO_LARGE', message: expect.stringContaining('101 bytes') }

describe('what others write', () => {
  it('under the name of a topic, a queue or a durable, of another type, is refused by name, and the rest goes on', async () => {
    const { transport, statuses } = await connect(url)
    const admin = raw(url)
    const [topic, queue, good] = [unique(), unique(), unique()]
    await admin.set(`commlib:stream:{${topic}}`, 'text')
    await admin.set(queue, 'text')
    const wrong = { code: 'INVALID_TOPIC', message: expect.stringContaining('WRONGTYPE') }
    const body = bytes('x')
    await expect(transport.publish(topic, { body }, { reliable: true })).rejects.toMatchObject(wrong)
    await expect(transport.subscribe(topic, () => {}, { reliable: true })).rejects.toMatchObject(wrong)
    await expect(transport.subscribe(topic, () => {}, { durable: 'd' })).rejects.toMatchObject(wrong)
    await expect(transport.push(queue, { body })).rejects.toMatchObject(wrong)
    await expect(transport.pull(queue, () => {})).rejects.toMatchObject(wrong)
    const got: string[] = []
    await transport.pull(good, frame => void got.push(text(frame)))
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    await transport.publish(topic, { body: bytes('topic') })
    await transport.push(good, { body: bytes('queue') })
    await eventually(() => expect(got.sort()).toEqual(['queue', 'topic']))
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it('over a list that is being read is told, keeps no other from being read, and ends', async () => {
    const { transport, statuses } = await connect(url)
    const admin = raw(url)
    const [bad, good] = [unique(), unique()]
    const got: string[] = []
    for (const queue of [bad, good]) await transport.pull(queue, frame => void got.push(text(frame)))
    await admin.set(bad, 'text')
    for (const n of list(30)) {
      await transport.push(good, { body: bytes(n) })
      await quiet(50)
    }
    await eventually(() => expect(got).toEqual(list(30)), 1000)
    const error = expect.objectContaining({ code: 'INVALID_TOPIC', message: expect.stringContaining(`'${bad}'`) })
    await eventually(() => expect(statuses).toContainEqual({ type: 'error', error }))
    await admin.del(bad)
    await transport.push(bad, { body: bytes('mended') })
    await eventually(() => expect(got.at(-1)).toBe('mended'))
  })

  it('into a stream with any fields is read as far as it is a message', async () => {
    const { transport, errors } = await connect(url)
    const topic = unique()
    const key = `commlib:stream:{${topic}}`
    const got = vi.fn()
    await transport.subscribe(topic, (_, frame) => got(text(frame), frame.headers), { durable: 'd' })
    const admin = raw(url)
    const long = 'x'.repeat(70 * 1024)
    await admin.xadd(key, '*', 'a', '1', 'b', '2')
    await admin.xadd(key, '*', 'body', '1', 'header.long', long)
    await admin.xadd(key, '*', 'body', '2', 'header.__proto__', 'x', 'header.', 'empty')
    await admin.xadd(key, '*', 'body', '3', 'expires', 'never', 'content_type', '\u0000', 'body', '4')
    await admin.xadd(key, '*', 'body', 'late', 'expires', '-1')
    await transport.publish(topic, { body: bytes('5'), headers: { long } }, { reliable: true })
    await eventually(() => expect(got).toHaveBeenCalledTimes(4))
    expect(got.mock.calls.map(([body]) => body)).toEqual(['1', '2', '4', '5'])
    expect(got.mock.calls[0]?.[1]).toEqual({ long })
    expect(Object.keys(got.mock.calls[1]?.[1])).toEqual(['__proto__', ''])
    expect(got.mock.calls[3]?.[1]).toEqual({ long })
    expect(errors).toMatchObject([{ code: 'INVALID_MESSAGE', message: expect.stringContaining("no field 'body'") }])
  })

  it('into the list of answers is dropped, and calls go on', async () => {
    const failures: unknown[] = []
    const onError = (error: unknown) => void failures.push(error)
    const [a, b] = [
      await createNode({ transport: redis(url, { maxMessageBytes: 1000 }), heartbeat: false, onError }),
      await createNode({ transport: redis(url), heartbeat: false }),
    ]
    for (const node of [a, b]) after(() => node.close())
    const Repeat = rpc<{ text: string; times: number }, { text: string }>(unique())
    const asked: string[] = []
    await b.serve(Repeat, request => ({ text: request.text.repeat(request.times) }))
    const repeat = a.client(Repeat)
    expect(await repeat({ text: 'x', times: 2 })).toEqual({ text: 'xx' })
    const admin = raw(url)
    const lines = String(await admin.client('LIST')).split('\n')
    for (const line of lines) asked.push(/name=commlib-([0-9a-f]{32})-reader/.exec(line)?.[1] ?? '')
    for (const id of asked.filter(each => each !== '')) {
      for (const item of ['', ' ', 'nobody', 'nobody {}', '\u0000\u0001', ' '.repeat(5000)]) {
        await admin.rpush(`rpc-${id}`, item)
      }
    }
    expect(await repeat({ text: 'x', times: 3 })).toEqual({ text: 'xxx' })
    await expect(repeat({ text: 'x', times: 2000 }, { timeout: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(failures).toContainEqual(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    expect(await repeat({ text: 'x', times: 4 })).toEqual({ text: 'xxxx' })
  })

  it('over the limit of a body is refused in both directions', async () => {
    const { transport: a } = await connect(url)
    const { transport: b, errors } = await connect(url, { maxMessageBytes: 100 })
    const topic = unique()
    const got: string[] = []
    const take = (_: string, frame: Parameters<typeof text>[0]) => void got.push(text(frame))
    await b.subscribe(topic, take)
    await b.subscribe(topic, take, { durable: 'd' })
    await b.pull(topic, frame => take('', frame))
    for (const options of [{}, { reliable: true }, { latched: true }])
      await expect(b.publish(topic, { body: new Uint8Array(101) }, options)).rejects.toMatchObject(tooLarge)
    await expect(b.push(topic, { body: new Uint8Array(101) })).rejects.toMatchObject(tooLarge)
    for (const body of [new Uint8Array(101), bytes('x')]) {
      await a.publish(topic, { body }, { reliable: true })
      await a.push(topic, { body })
    }
    await eventually(() => expect(got).toEqual(['x', 'x', 'x']))
    expect(errors).toMatchObject([tooLarge, tooLarge, tooLarge])
  })
})

describe('a user', () => {
  it('that may not do one thing is refused that, and does all others', async () => {
    const admin = raw(url)
    const user = unique()
    const rules = [
      'on',
      '>pw',
      'resetkeys',
      'resetchannels',
      '~ok.*',
      '~commlib:*{ok.*',
      '~rpc-*',
      '~wake*',
      '&ok.*',
      '&commlib:*',
    ]
    await admin.acl('SETUSER', user, ...rules, '+@all', '-@dangerous')
    const login = { username: user, password: 'pw' }
    const { transport, errors } = await connect(url, login)
    const body = bytes('x')
    const denied = { code: 'NOT_AUTHORIZED', message: expect.stringContaining('NOPERM') }
    await expect(transport.subscribe('no.a', () => {})).rejects.toMatchObject(denied)
    await expect(transport.subscribe('no.*', () => {})).rejects.toMatchObject(denied)
    await expect(transport.subscribe('no.a', () => {}, { durable: 'd' })).rejects.toMatchObject(denied)
    await expect(transport.publish('no.a', { body }, { reliable: true })).rejects.toMatchObject(denied)
    await expect(transport.push('no.a', { body })).rejects.toMatchObject(denied)
    await expect(transport.pull('no.a', () => {})).rejects.toMatchObject(denied)
    await transport.publish('no.a', { body })
    await eventually(() => expect(errors).toMatchObject([denied]))
    const got: string[] = []
    await transport.subscribe('ok.a', (_, frame) => void got.push(text(frame)))
    await transport.subscribe('ok.a', (_, frame) => void got.push(text(frame)), { durable: 'd' })
    await transport.pull('ok.a', frame => void got.push(text(frame)))
    await transport.publish('ok.a', { body }, { reliable: true })
    await transport.push('ok.a', { body })
    await eventually(() => expect(got).toEqual(['x', 'x', 'x']))
  })

  it('that loses a right is told, goes on with the rest, and is back with all when it has it again', async () => {
    const admin = raw(url)
    const user = unique()
    await admin.acl('SETUSER', user, 'on', '>pw', '~*', '&*', '+@all')
    const { transport, statuses } = await connect(url, { username: user, password: 'pw' })
    const got: string[] = []
    await transport.subscribe('may.lose', (_, frame) => void got.push(text(frame)))
    await transport.subscribe('may.keep', (_, frame) => void got.push(text(frame)))
    await transport.pull('may.lose', frame => void got.push(text(frame)))
    await transport.pull('may.keep', frame => void got.push(text(frame)))
    await admin.acl('SETUSER', user, 'resetchannels', '&may.keep', 'resetkeys', '~may.keep', '~wake*', '~rpc-*')
    const told = () =>
      statuses
        .flatMap(status => (status.type === 'error' ? [`${status.error}`] : []))
        .filter(each => /NOPERM/.test(each))
    await eventually(() => expect(told().join()).toMatch(/subscription to 'may.lose'/))
    const { transport: other } = await connect(url)
    for (const n of list(10)) {
      await other.publish('may.keep', { body: bytes(`topic ${n}`) })
      await other.push('may.keep', { body: bytes(`queue ${n}`) })
      await quiet(20)
    }
    await eventually(() => expect(got).toHaveLength(20))
    await admin.acl('SETUSER', user, 'allchannels', 'allkeys')
    await eventually(async () => {
      await other.publish('may.lose', { body: bytes('again') })
      expect(got).toContain('again')
    })
    await other.push('may.lose', { body: bytes('queue again') })
    await eventually(() => expect(got).toContain('queue again'))
  })
})

describe('a server that is full', () => {
  it('refuses what it would have to keep by code, and takes it when there is room', async () => {
    const full = await startRedis({ own: true })
    after(() => full.close())
    const { transport, statuses } = await connect(full.url)
    const got: string[] = []
    await transport.subscribe('full', (_, frame) => void got.push(text(frame)), { durable: 'd' })
    const admin = raw(full.url)
    await admin.config('SET', 'maxmemory', '1')
    const refused = { code: 'BUFFER_FULL', message: expect.stringContaining('OOM') }
    const body = bytes('x')
    await expect(transport.publish('full', { body }, { reliable: true })).rejects.toMatchObject(refused)
    await expect(transport.publish('full', { body }, { latched: true })).rejects.toMatchObject(refused)
    await expect(transport.push('full', { body })).rejects.toMatchObject(refused)
    await expect(transport.subscribe('full.other', () => {}, { durable: 'e' })).rejects.toMatchObject(refused)
    await transport.publish('full', { body: bytes('plain') })
    await eventually(() => expect(got).toEqual(['plain']))
    await admin.config('SET', 'maxmemory', '0')
    await transport.publish('full', { body: bytes('room') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['plain', 'room']))
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it('lets a service and a client begin and close at once', async () => {
    const full = await startRedis({ own: true })
    after(() => full.close())
    const { transport, statuses } = await connect(full.url)
    await transport.push('late', { body: bytes('x') })
    const queues = [await transport.pull('a', () => {}), await transport.pull('b', () => {})]
    const inbox = await transport.inbox(() => {})
    await raw(full.url).config('SET', 'maxmemory', '1')
    const got: string[] = []
    const before = performance.now()
    queues.push(await transport.pull('late', frame => void got.push(text(frame))))
    await eventually(() => expect(got).toEqual(['x']))
    await Promise.all(queues.map(each => each.close()))
    await inbox.close()
    await transport.close()
    expect(performance.now() - before).toBeLessThan(1000)
    expect(statuses).toEqual([{ type: 'connected' }])
  })
})

describe('a server that takes no more clients', () => {
  it('refuses what needs another connection, and takes it when there is room', async () => {
    const server = await startRedis({ own: true })
    after(() => server.close())
    const { transport, statuses } = await connect(server.url)
    const admin = raw(server.url)
    await admin.config('SET', 'maxclients', 2)
    const [topic, queue] = [unique(), unique()]
    const got: string[] = []
    const begin = () => [
      transport.subscribe(topic, (_, frame) => void got.push(text(frame))),
      transport.pull(queue, frame => void got.push(text(frame))),
    ]
    for (const refused of await Promise.allSettled(begin()))
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_FAILED' } })
    await admin.config('SET', 'maxclients', 100)
    await Promise.all(begin())
    await transport.publish(topic, { body: bytes('topic') })
    await transport.push(queue, { body: bytes('queue') })
    await eventually(() => expect(got.sort()).toEqual(['queue', 'topic']))
    expect(statuses.map(({ type }) => type)).toEqual(['connected'])
  })
})

describe('while there is no connection', () => {
  /** A publisher behind a proxy, and what another client hears of it. */
  async function pair(options: RedisOptions) {
    const proxy = await createFaultProxy(broker)
    after(proxy.close)
    const publisher = await connect(proxy.url('redis'), options)
    const { transport } = await connect(url)
    const topic = unique()
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    await proxy.refuse()
    proxy.reset()
    await eventually(() => expect(publisher.statuses.at(-1)?.type).toMatch('reconnecting'))
    return { proxy, topic, got, ...publisher }
  }

  it('keeps as many messages as it may, and tells what it has dropped', async () => {
    const { proxy, topic, got, transport, statuses } = await pair({ offlineBuffer: { maxMessages: 10 } })
    const reliable = transport.publish(topic, { body: bytes('first') }, { reliable: true })
    for (const n of list(50)) await transport.publish(topic, { body: bytes(n) })
    await proxy.restore()
    await reliable
    await eventually(() => expect(got).toHaveLength(10))
    expect([...got].sort()).toEqual(['first', ...list(9, 41)].sort())
    const lost = () =>
      statuses.reduce((sum, status) => sum + (status.type === 'messages-lost' ? (status.count ?? 0) : 0), 0)
    await eventually(() => expect(lost()).toBe(41))
  })

  it('refuses what does not fit, where that is wanted', async () => {
    const { topic, transport } = await pair({ offlineBuffer: { maxBytes: 10, policy: 'reject' } })
    const full = { code: 'BUFFER_FULL' }
    await transport.publish(topic, { body: bytes('12345') })
    for (const reliable of [false, true])
      await expect(transport.publish(topic, { body: bytes('123456') }, { reliable })).rejects.toMatchObject(full)
    await expect(transport.push(topic, { body: bytes('123456') })).rejects.toMatchObject(full)
    await transport.publish(topic, { body: bytes('12345') })
  })
})
