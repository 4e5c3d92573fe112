import { type RedisOptions, type RedisServer, startRedis, testTransport } from '@commlib/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { noOldServers, oldServer } from './old-server.ts'
import { bytes, connect, eventually, list, quiet, raw, text, unique } from './support.ts'

const lacking = noOldServers()
if (lacking !== undefined) console.warn(`left out: the tests with older servers. ${lacking}`)
const old = describe.skipIf(lacking !== undefined)

/** What every server does, whatever it has not; and the compliance suite, but for what disturbs the broker. */
async function testServer(name: string, options: RedisOptions, groups = true): Promise<RedisServer> {
  const broker = await startRedis(options)
  afterAll(() => broker.close())
  testTransport({
    name,
    create: ({ url = broker.url } = {}) => {
      const transport = redis(url)
      // Nobody knows the server's version before there is a connection.
      return groups ? transport : Object.assign(transport, { supports: { ...transport.supports, groups: false } })
    },
  })

  it('tells what a command of a script was refused for', async () => {
    const { transport } = await connect(broker.url)
    const topic = unique()
    const admin = raw(broker.url)
    await admin.set(`commlib:stream:{${topic}}`, 'text')
    const publish = () => transport.publish(topic, { body: bytes('x') }, { reliable: true })
    await expect(publish()).rejects.toMatchObject({
      code: 'INVALID_TOPIC',
      message: expect.stringContaining(' refused: WRONGTYPE'),
    })
    await admin.config('SET', 'maxmemory', '1')
    await expect(publish()).rejects.toMatchObject({
      code: 'BUFFER_FULL',
      message: expect.stringContaining(' refused: OOM'),
    })
    await admin.config('SET', 'maxmemory', '0')
  })
  return broker
}

function testTakeover({ url }: RedisServer): void {
  it('has a group take over what a dead member held, and tells once what was trimmed meanwhile', async () => {
    const { transport } = await connect(url)
    const [topic, group] = [unique(), unique()]
    const key = `commlib:stream:{${topic}}`
    const admin = raw(url)
    await admin.xgroup('CREATE', key, `commlib:${group}`, '$', 'MKSTREAM')
    for (const n of list(5)) await transport.publish(topic, { body: bytes(n) }, { reliable: true })
    await admin.xreadgroup('GROUP', `commlib:${group}`, 'dead', 'COUNT', 5, 'STREAMS', key, '>')
    const ids = (await admin.xrange(key, '-', '+')).map(([id]) => id)
    await admin.xdel(key, ...ids.slice(1, 3))
    await quiet(100) // what the dead one has held it for
    const member = await connect(url, { claimAfter: 50 })
    const got: string[] = []
    await member.transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { group })
    await eventually(() => expect(got).toEqual(['0', '3', '4']))
    await eventually(async () => expect(await admin.xpending(key, `commlib:${group}`)).toEqual([0, null, null, null]))
    await quiet(200)
    const lost = member.statuses.flatMap(status => (status.type === 'messages-lost' ? [status.count] : []))
    expect(lost.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(2)
    expect(got).toHaveLength(3)
    expect(member.errors).toEqual([])
  })
}

/** How many blocking commands it takes to read what a list has held before. */
async function blocking({ url }: RedisServer, count: number): Promise<number> {
  const admin = raw(url)
  const calls = async () => Number(/cmdstat_blpop:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
  const queue = unique()
  await admin.rpush(queue, ...list(count))
  const before = await calls()
  const { transport, errors, statuses } = await connect(url)
  const got: string[] = []
  await transport.pull(queue, frame => void got.push(text(frame)))
  await eventually(() => expect(got).toEqual(list(count)))
  expect([errors, statuses]).toEqual([[], [{ type: 'connected' }]])
  return (await calls()) - before
}

describe('a server with all commands', async () => {
  const broker = await startRedis({ own: true })
  afterAll(() => broker.close())
  testTakeover(broker)
})

describe('a server without BLMPOP', async () => {
  const broker = await startRedis({ config: ['rename-command BLMPOP ""'] })
  afterAll(() => broker.close())

  it('is read many items at a time', async () => expect(await blocking(broker, 500)).toBeLessThan(20))

  it('answers crowds of calls, and keeps to the limit of a consumer', async () => {
    const [service, caller] = [await connect(broker.url), await connect(broker.url)]
    const name = unique()
    let running = 0
    let most = 0
    await service.transport.pull(
      name,
      async frame => {
        most = Math.max(most, ++running)
        await quiet(1)
        const [replyTo = '', n = ''] = text(frame).split(' ')
        await service.transport.push(replyTo, { body: bytes(n) })
        running--
      },
      { concurrency: 7 },
    )
    const got = new Map<string, string>()
    const inbox = await caller.transport.inbox((token, frame) => void got.set(token, text(frame)))
    for (const n of list(1000)) {
      await caller.transport.push(name, { body: bytes(`${inbox.reserve(n)} ${n}`) })
    }
    await eventually(() => expect(got.size).toBe(1000))
    for (const [token, answer] of got) expect(answer).toBe(token)
    expect(most).toBe(7)
    expect([service.errors, caller.errors]).toEqual([[], []])
  })
})

old('a server of version 6.2', async () => {
  const broker = await testServer('redis 6.2', { binary: await oldServer('6.2.14') })
  testTakeover(broker)

  it('is read many items at a time', async () => expect(await blocking(broker, 500)).toBeLessThan(20))
})

old('a server of version 5', async () => {
  const broker = await testServer('redis 5', { binary: await oldServer('5.0.6') }, false)

  it('is read one item at a time', async () => expect(await blocking(broker, 500)).toBeGreaterThanOrEqual(500))

  it('has no groups, and leaves nothing of those that were wanted', async () => {
    const { transport } = await connect(broker.url)
    const topic = unique()
    const subscribed = transport.subscribe(topic, () => {}, { group: 'g' })
    const message = expect.stringContaining('XAUTOCLAIM')
    await expect(subscribed).rejects.toMatchObject({ code: 'UNSUPPORTED', message })
    expect(await raw(broker.url).keys(`*${topic}*`)).toEqual([])
  })
})
