import { setTimeout as sleep } from 'node:timers/promises'
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
  const members = []
  for (let member = 0; member < 2; member++) {
    const { transport, statuses } = await connect(broker.url, options)
    const mine: string[] = []
    got.push(mine)
    const subscription = await transport.subscribe(topic, (_, frame) => void mine.push(text(frame)), { group: 'g' })
    members.push({ subscription, statuses })
  }
  return { topic, got, members }
}

const count = (n: number, from = 0) => Array.from({ length: n }, (_, i) => String(from + i))

describe('a group', () => {
  it('shares what is published, without a script', async () => {
    const { topic, got } = await group()
    const { transport } = await connect(broker.url)
    const admin = raw(broker.url)
    const scripts = async () =>
      Number(/cmdstat_eval(?:sha)?:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    const before = await scripts()
    const publish = (text: string) => transport.publish(topic, { body: bytes(text) }, { reliable: true })
    await Promise.all(count(2000).map(publish))
    await eventually(() => expect(got.flat()).toHaveLength(2000))
    for (const text of count(50, 2000)) {
      await publish(text)
      await eventually(() => expect(got.flat()).toContain(text), 1000)
    }
    expect(await scripts()).toBe(before)
    expect(new Set(got.flat()).size).toBe(2050)
    // Who has waited longest is the next one.
    for (const mine of got) expect(mine.length).toBeGreaterThan(20)
  })

  it('is woken by a large message as by a small one', async () => {
    const { topic, got } = await group()
    const { transport } = await connect(broker.url)
    for (const text of ['a', 'b'.repeat(10_000), 'c']) {
      await transport.publish(topic, { body: bytes(text) }, { reliable: true })
      // Well before it would look by itself.
      await eventually(() => expect(got.flat()).toContain(text), 1000)
    }
  })

  it('loses and delays nothing when a member leaves', async () => {
    const { topic, got, members } = await group()
    const { transport } = await connect(broker.url)
    const publish = (text: string) => transport.publish(topic, { body: bytes(text) }, { reliable: true })
    const published = Promise.all(
      count(300).map(async text => {
        await sleep(Number(text) / 3)
        await publish(text)
      }),
    )
    await sleep(30)
    await members[0]?.subscription.close()
    await published
    // Well before one takes what another one has held for too long.
    await eventually(() => expect(got.flat()).toHaveLength(300), 2000)
    expect(new Set(got.flat()).size).toBe(300)
  })

  it('acknowledges what it has handled, whenever its member leaves', async () => {
    const { transport } = await connect(broker.url)
    const admin = raw(broker.url)
    // From right after the handler up to the next turns, since an acknowledgement is on its way somewhere in between.
    for (let steps = 0; steps < 40; steps++) {
      const topic = unique()
      let closed: Promise<void> | undefined
      const subscription = await transport.subscribe(
        topic,
        () => {
          void (async () => {
            for (let step = 0; step < steps % 20; step++) await null
            if (steps >= 20) await new Promise(setImmediate)
            closed = subscription.close()
          })()
        },
        { group: 'g', durable: 'd' },
      )
      await transport.publish(topic, { body: bytes('x') }, { reliable: true })
      await eventually(() => expect(closed).toBeDefined())
      await closed
      const [pending] = (await admin.xpending(`commlib:stream:{${topic}}`, 'd:g')) as [number]
      expect(pending, `${steps} steps after its handler`).toBe(0)
    }
  })

  it('waits on connections of its own, which end with it, and hears of messages where these are too many', async () => {
    const { transport } = await connect(broker.url)
    const admin = raw(broker.url)
    const clients = async () => String(await admin.client('LIST')).split('\n').length
    const before = await clients()
    const topics = Array.from({ length: 40 }, () => unique())
    const got: string[] = []
    const members = []
    for (const topic of topics) {
      members.push(await transport.subscribe(topic, name => void got.push(name), { group: 'g' }))
    }
    expect((await clients()) - before).toBeLessThan(20)
    for (let n = 1; n <= 3; n++) {
      for (const topic of topics) await transport.publish(topic, { body: bytes('1') }, { reliable: true })
      await eventually(() => expect(got.toSorted()).toEqual(topics.flatMap(topic => Array(n).fill(topic)).toSorted()))
    }
    await Promise.all(members.map(member => member.close()))
    expect((await clients()) - before).toBeLessThanOrEqual(1) // the one that hears
    expect(await admin.exists(topics.map(topic => `commlib:stream:{${topic}}`))).toBe(40)
    expect(await admin.xinfo('GROUPS', `commlib:stream:{${topics[0]}}`)).toEqual([])
  })

  it('may handle as many as it can at a time, for longer than the keepalive, and stays connected', async () => {
    const { transport, statuses } = await connect(broker.url, { keepalive: 1 })
    const topic = unique()
    let handled = 0
    await transport.subscribe(
      topic,
      async () => {
        await sleep(4000)
        handled++
      },
      { group: 'g' },
    )
    // As many as it handles at a time: none is asked for until one is done.
    const publish = () => transport.publish(topic, { body: bytes('1') }, { reliable: true })
    await Promise.all(Array.from({ length: 256 }, publish))
    await eventually(() => expect(handled).toBe(256), 8000)
    expect(statuses.filter(({ type }) => type === 'disconnected')).toEqual([])
  }, 15_000)

  it('needs the rights to its topic alone', async () => {
    const topic = unique()
    const rights = ['-@all', '+@connection', '+@pubsub', '+@stream', '+eval', '+evalsha', '+time', '+info']
    await raw(broker.url).call(
      'ACL',
      'SETUSER',
      'member',
      'on',
      '>m',
      ...rights,
      '~commlib:*',
      'resetchannels',
      `&${topic}`,
    )
    const url = broker.url.replace('redis://', 'redis://member:m@')
    const got: string[] = []
    const member = await connect(url)
    await member.transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { group: 'g' })
    const { transport } = await connect(url)
    for (const text of count(100)) await transport.publish(topic, { body: bytes(text) }, { reliable: true })
    await eventually(() => expect(got).toEqual(count(100)), 1000)
    await member.transport.close()
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
