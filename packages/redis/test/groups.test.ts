import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytes, connect, eventually, raw, text, unique } from './support.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis()
})
afterAll(() => broker.close())

/** A group of two, and what each of them got. */
async function group(options?: Parameters<typeof connect>[1], topic = unique()) {
  const got: string[][] = []
  for (let member = 0; member < 2; member++) {
    const { transport } = await connect(broker.url, options)
    const mine: string[] = []
    got.push(mine)
    await transport.subscribe(topic, (_, frame) => void mine.push(text(frame)), { group: 'g' })
  }
  const waiting = `commlib:waiting:{${topic}}`
  const admin = raw(broker.url)
  const isWaiting = () => eventually(async () => expect(await admin.exists(waiting)).toBe(1))
  await isWaiting()
  return { topic, got, waiting, isWaiting }
}

describe('a group', () => {
  it('is woken when it waits, not for each message', async () => {
    const { topic, got, waiting, isWaiting } = await group()
    const { transport } = await connect(broker.url)
    const listener = raw(broker.url)
    let wakes = 0
    listener.on('message', () => wakes++)
    await listener.subscribe(waiting)
    const publish = (n: number) => transport.publish(topic, { body: bytes(String(n)) }, { reliable: true })
    await publish(0)
    await eventually(() => expect(got.flat()).toEqual(['0']))
    await eventually(() => expect(wakes).toBe(1))
    await Promise.all(Array.from({ length: 2000 }, (_, n) => publish(n + 1)))
    await eventually(() => expect(got.flat()).toHaveLength(2001))
    expect(new Set(got.flat()).size).toBe(2001)
    await isWaiting()
    expect(wakes).toBeLessThan(500)
    // One that came while nobody waited would be heard late.
    for (let n = 0; n < 50; n++) {
      await publish(3000 + n)
      await eventually(() => expect(got.flat()).toContain(String(3000 + n)), 1000)
    }
  })

  it('is woken by who has published to nobody for long, without a script each time', async () => {
    const { transport } = await connect(broker.url)
    const admin = raw(broker.url)
    const topic = unique()
    const publish = (text: string, to = transport) => to.publish(topic, { body: bytes(text) }, { reliable: true })
    const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    const copies: string[] = []
    await transport.subscribe(topic, (_, frame) => void copies.push(text(frame)))
    const before = await scripts()
    for (let n = 0; n < 200; n++) await publish(String(n))
    expect((await scripts()) - before).toBeLessThan(100)
    expect(await admin.xlen(`commlib:stream:{${topic}}`)).toBe(200)
    await eventually(() => expect(copies).toEqual(Array.from({ length: 200 }, (_, n) => String(n))))

    const { got, isWaiting } = await group(undefined, topic)
    for (const text of ['a', 'b'.repeat(10_000), 'c']) {
      await isWaiting()
      await publish(text)
      // Well before it would look by itself.
      await eventually(() => expect(got.flat()).toContain(text), 1000)
    }
  })

  it('looks by itself where who publishes may not wake it', async () => {
    const { topic, got } = await group({ keepalive: 1 })
    const rights = [
      '-@all',
      '+@connection',
      '+@pubsub',
      '+@stream',
      '+@hash',
      '+del',
      '+eval',
      '+evalsha',
      '+time',
      '+info',
    ]
    await raw(broker.url).call('ACL', 'SETUSER', 'mute', 'on', '>m', ...rights, '~commlib:*', `&${topic}`)
    const { transport } = await connect(broker.url.replace('redis://', 'redis://mute:m@'))
    await transport.publish(topic, { body: bytes('1') }, { reliable: true })
    await eventually(() => expect(got.flat()).toEqual(['1']), 4000)
    // Nor may it ask whether one waits, which it would do after a while.
    for (let n = 2; n < 100; n++) await transport.publish(topic, { body: bytes(String(n)) }, { reliable: true })
    await eventually(() => expect(got.flat()).toHaveLength(99), 4000)
  })

  it('is not published to by who may not publish the copy', async () => {
    const topic = unique()
    const admin = raw(broker.url)
    const rights = ['+@all', '-@dangerous', '+info', '~*', 'resetchannels', `&${topic}`]
    await admin.call('ACL', 'SETUSER', 'quiet', 'on', '>q', ...rights)
    const { transport } = await connect(broker.url.replace('redis://', 'redis://quiet:q@'))
    const publish = () => transport.publish(topic, { body: bytes('1') }, { reliable: true })
    for (let n = 0; n < 50; n++) await publish()
    await admin.call('ACL', 'SETUSER', 'quiet', 'resetchannels')
    await expect(publish()).rejects.toThrow(/refused/)
  })
})
