import { createNode, rpc } from '@commlib/core'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { bytes, callHalfInVain, connect, eventually, quiet, raw, text, unique } from './support.ts'

let broker: Broker
let url: string
beforeAll(async () => {
  broker = await startRedis({ config: ['enable-debug-command local'] })
  url = broker.url
})
afterAll(() => broker.close())

const types = (statuses: ReadonlyArray<{ readonly type: string }>) => statuses.map(({ type }) => type)

describe('a server that is disturbed', () => {
  it('is subscribed to again after CLIENT KILL TYPE pubsub', async () => {
    const { transport, statuses } = await connect(url)
    const got: string[] = []
    await transport.subscribe('kill.plain', (_, frame) => void got.push(text(frame)))
    await transport.subscribe('kill.reliable', (_, frame) => void got.push(text(frame)), { reliable: true })
    await raw(url).call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => expect(types(statuses)).toEqual(['connected', 'disconnected', 'connected']))
    await transport.publish('kill.plain', { body: bytes('1') })
    await transport.publish('kill.reliable', { body: bytes('2') }, { reliable: true })
    await eventually(() => expect(got.sort()).toEqual(['1', '2']))
  })

  it('holds messages up while it is paused, and loses none', async () => {
    const { transport, statuses } = await connect(url)
    const got: string[] = []
    await transport.pull('paused', frame => void got.push(text(frame)))
    await raw(url).client('PAUSE', 500)
    await transport.push('paused', { body: bytes('1') })
    await eventually(() => expect(got).toEqual(['1']))
    expect(types(statuses)).toEqual(['connected'])
  })

  it('is left when it says nothing for too long, and found again', async () => {
    const { transport, statuses } = await connect(url, { keepalive: 0.5 })
    const got: string[] = []
    await transport.pull('asleep', frame => void got.push(text(frame)))
    await transport.subscribe('asleep', (_, frame) => void got.push(text(frame)))
    raw(url)
      .call('DEBUG', 'SLEEP', '2')
      .catch(() => {})
    await eventually(() => expect(types(statuses)).toContain('disconnected'), 3000)
    await eventually(() => expect(statuses.at(-1)?.type).toBe('connected'), 8000)
    await transport.push('asleep', { body: bytes('queue') })
    await transport.publish('asleep', { body: bytes('topic') })
    await eventually(() => expect(got.sort()).toEqual(['queue', 'topic']))
  })

  it('that has forgotten a group is told of, and the group made again', async () => {
    const { transport, statuses } = await connect(url)
    const got: string[] = []
    await transport.subscribe('flushed', (_, frame) => void got.push(text(frame)), { durable: 'keeper' })
    await transport.publish('flushed', { body: bytes('1') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['1']))
    await raw(url).flushall()
    await transport.publish('flushed', { body: bytes('2') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['1', '2']))
    expect(statuses).toContainEqual({ type: 'session-lost', durable: 'keeper' })
    expect(types(statuses)).toContain('messages-lost')
  })

  it('that tells late of an earlier user of a durable name takes it from nobody', async () => {
    const { transport, statuses } = await connect(url)
    const topic = unique()
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable: 'one' })
    const receivers = await raw(url).publish(`commlib:owner:{${topic}}:one`, 'an-earlier-user')
    expect(receivers).toBe(1)
    await transport.publish(topic, { body: bytes('1') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['1']))
    expect(statuses).not.toContainEqual(expect.objectContaining({ type: 'error' }))
  })

  it('that has trimmed what a durable subscriber was to get is told of', async () => {
    const first = await connect(url, { maxLength: 10 })
    const subscription = await first.transport.subscribe('trimmed', () => {}, { durable: 'late' })
    await first.transport.publish('trimmed', { body: bytes('0') }, { reliable: true })
    await quiet()
    await subscription.close()
    for (let n = 1; n <= 500; n++) await first.transport.publish('trimmed', { body: bytes(`${n}`) }, { reliable: true })
    const got: string[] = []
    const second = await connect(url)
    await second.transport.subscribe('trimmed', (_, frame) => void got.push(text(frame)), { durable: 'late' })
    await eventually(() => expect(got.at(-1)).toBe('500'))
    expect(got.length).toBeLessThan(500)
    expect(types(second.statuses)).toContain('messages-lost')
  })
})

describe('a server that has lost the last entries of a stream', () => {
  it('is listened to from where it goes on, though its clock be behind', async () => {
    const { transport, statuses } = await connect(url)
    const [topic, other] = [unique(), raw(url)]
    const stream = `commlib:stream:{${topic}}`
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { reliable: true })
    await other.xadd(stream, `${Date.now() + 3_600_000}-0`, 'body', '1')
    await other.publish(topic, ' 1')
    await eventually(() => expect(got).toEqual(['1']))
    await other.del(stream)
    await other.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => expect(types(statuses)).toEqual(['connected', 'disconnected', 'connected']))
    await transport.publish(topic, { body: bytes('2') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['1', '2']))
  })
})

describe('what others write', () => {
  it('to lists and streams goes to onError, and the next one arrives', async () => {
    const node = await createNode({ name: 'service', transport: redis(url), onError: error => void errors.push(error) })
    const errors: unknown[] = []
    const Double = rpc<{ n: number }, { n: number }>('others.double')
    await node.serve(Double, ({ n }) => ({ n: 2 * n }))
    const other = raw(url)
    for (const item of ['', 'QueueInit', '{', 'null', '[]', '{"header":1}', '\u0000\u0001'])
      await other.rpush('others.double', item)
    expect(await node.client(Double)({ n: 2 })).toEqual({ n: 4 })
    await eventually(() => expect(errors.length).toBeGreaterThanOrEqual(5))
    await node.close()

    const { transport, errors: told } = await connect(url)
    const got: string[] = []
    await transport.subscribe('others', (_, frame) => void got.push(text(frame)), { durable: 'd' })
    await other.xadd('commlib:stream:{others}', '*', 'foreign', 'x')
    await transport.publish('others', { body: bytes('1') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['1']))
    expect(told.map(String)).toEqual([expect.stringContaining("has no field 'body'")])
  })
})

describe('what it costs', () => {
  it('are fewer than 2 commands a second when nothing happens', async () => {
    const node = await createNode({ name: 'idle', transport: redis(url) })
    await node.serve(rpc('idle.nothing'), () => ({}))
    const other = raw(url)
    await quiet(500)
    const before = await commands(other)
    await quiet(5000)
    expect((await commands(other)) - before).toBeLessThan(10)
    await node.close()
  })

  it('is no key when 1,000 calls, half of them without an answer, are over', async () => {
    const service = await createNode({ name: 'service', transport: redis(url) })
    const caller = await createNode({ name: 'caller', transport: redis(url) })
    await callHalfInVain(caller, service)
    // Answers that come after their call was given up, and the caller is still there to take them.
    await quiet(500)
    await caller.close()
    await service.close()
    expect(await raw(url).keys('rpc-*')).toEqual([])
    expect(await raw(url).keys('wake*')).toEqual([])
  })
})

/** Commands the server has run, without those of looking. */
async function commands(client: ReturnType<typeof raw>): Promise<number> {
  const info = await client.info('commandstats')
  const calls = [...info.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].filter(([, name]) => name !== 'info')
  return calls.reduce((sum, [, , count]) => sum + Number(count), 0)
}
