import { createNode, rpc } from '@commlib/core'
import { type RedisSentinel, startRedisSentinel } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { after, bytes, connect, eventually, list, raw, type Told, text, unique } from './support.ts'

let group: RedisSentinel
beforeAll(async () => {
  group = await startRedisSentinel()
}, 60_000)
afterAll(() => group?.close())

const count = ({ statuses }: Told, type: string) => statuses.filter(each => each.type === type).length

describe('sentinels', { timeout: 60_000 }, () => {
  it('lead to the primary, whichever of them answers', async () => {
    const sentinels = ['redis://127.0.0.1:1', ...group.urls]
    const { transport } = await connect({ sentinels, name: group.name })
    const topic = unique()
    await transport.publish(topic, { body: bytes('x') }, { reliable: true })
    expect(await raw((await group.primary()).url).xlen(`commlib:stream:{${topic}}`)).toBe(1)
  })

  it('are told of when none answers, or none knows the name', async () => {
    const nobody = ['redis://user:secret@127.0.0.1:1', 'redis://:secret@127.0.0.1:2']
    await expect(connect({ sentinels: nobody, name: 'a' })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/^(?!.*secret).*127\.0\.0\.1:1: .*refused.*127\.0\.0\.1:2: .*refused/),
    })
    await expect(connect({ sentinels: group.urls, name: 'nobody' })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining("knows no primary called 'nobody'"),
    })
  })

  it('lead to the next primary when it is killed under load', async () => {
    const options = { sentinels: group.urls, name: group.name }
    const [topic, plain, durable] = [unique(), unique(), unique()]
    const subscriber = await connect(options)
    const publisher = await connect(options)
    const got = new Map<string, number>()
    await subscriber.transport.subscribe(
      topic,
      (_, frame) => void got.set(text(frame), (got.get(text(frame)) ?? 0) + 1),
      { durable },
    )
    const heard: string[] = []
    await subscriber.transport.subscribe(plain, (_, frame) => void heard.push(text(frame)))
    await subscriber.transport.subscribe(`${plain}.*`, (_, frame) => void heard.push(`pattern ${text(frame)}`))
    const service = await createNode({ name: 'service', transport: redis(options) })
    const caller = await createNode({ name: 'caller', transport: redis(options) })
    after(() => Promise.all([service.close(), caller.close()]))
    const Double = rpc<{ n: number }, { n: number }>(unique())
    await service.serve(Double, ({ n }) => ({ n: 2 * n }))
    const call = caller.client(Double)
    expect(await call({ n: 1 })).toEqual({ n: 2 })

    const confirmed: string[] = []
    const failed: unknown[] = []
    let next = 0
    const publish = async () => {
      while (next < 6000) {
        const n = String(next++)
        await publisher.transport.publish(topic, { body: bytes(n) }, { reliable: true }).then(
          () => confirmed.push(n),
          error => failed.push(error),
        )
      }
    }
    const publishing = Promise.all(list(100).map(publish))
    await eventually(() => expect(confirmed.length).toBeGreaterThan(1500), 20_000)
    const before = await group.primary()
    const killed = performance.now()
    await before.kill()
    // Whoever calls meanwhile has its answer, or its error, in time.
    const meanwhile = Promise.all(
      list(20).map(n => {
        const begun = performance.now()
        return call({ n: Number(n) }, { timeout: 500 }).then(
          () => performance.now() - begun,
          () => performance.now() - begun,
        )
      }),
    )
    for (const told of [subscriber, publisher]) {
      await eventually(() => expect(count(told, 'connected')).toBe(2), 15_000)
    }
    await eventually(async () => expect(await call({ n: 2 }, { timeout: 500 })).toEqual({ n: 4 }), 10_000)
    const back = performance.now() - killed
    expect(Math.max(...(await meanwhile))).toBeLessThan(1000)
    expect(await group.primary()).not.toBe(before)
    await publishing
    expect(failed).toEqual([])
    expect(confirmed).toHaveLength(6000)
    await publisher.transport.publish(topic, { body: bytes('last') }, { reliable: true })
    await eventually(() => expect(got.has('last')).toBe(true), 20_000)
    await publisher.transport.publish(plain, { body: bytes('1') })
    await publisher.transport.publish(`${plain}.a`, { body: bytes('2') })
    await eventually(() => expect(heard).toEqual(['1', 'pattern 2']))
    const lost = confirmed.filter(n => !got.has(n)).length
    const doubled = [...got.values()].reduce((sum, times) => sum + times - 1, 0)
    console.info(
      `the primary killed in 6000 messages: ${lost} confirmed and lost, ${doubled} doubled, back in ${Math.round(back)} ms`,
    )
    // What was on its way to the replicas in that moment, and no more.
    expect(lost).toBeLessThan(500)
    await before.start()
  })
})
