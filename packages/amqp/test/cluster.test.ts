import { type Rabbit, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytes, connect, eventually, list, type Told, text, unique } from './support.ts'

let nodes: Rabbit[]
beforeAll(async () => {
  const first = await startRabbit({ own: true, from: 'binary' })
  nodes = [first]
  // One after the other: two that join at once may wait for each other.
  for (let i = 0; i < 2; i++) nodes.push(await startRabbit({ join: first }))
}, 200_000)
afterAll(() => Promise.all((nodes ?? []).map(node => node.close())))

const count = ({ statuses }: Told, type: string) => statuses.filter(each => each.type === type).length

describe('a cluster of three', { timeout: 60_000 }, () => {
  it('loses no confirmed message when a node is killed under load, and its services are back', async () => {
    const [first, second, third] = nodes as [Rabbit, Rabbit, Rabbit]
    // The one that is killed is the one that publisher, subscriber and service are connected to.
    const urls = [second.url, third.url, first.url]
    const [topic, durable, queue] = [unique(), unique(), unique()]
    const subscriber = await connect(urls)
    const publisher = await connect(urls)
    const service = await connect(urls)
    const caller = await connect(first.url)
    const got = new Map<string, number>()
    await subscriber.transport.subscribe(
      topic,
      async (_, frame) => void got.set(text(frame), (got.get(text(frame)) ?? 0) + 1),
      { durable },
    )
    const served: string[] = []
    await service.transport.pull(queue, frame => void served.push(text(frame)))
    await caller.transport.push(queue, { body: bytes('before') }, { mandatory: true })
    await eventually(() => expect(served).toEqual(['before']))

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
    const killed = performance.now()
    await second.kill()
    for (const told of [subscriber, publisher, service]) {
      await eventually(() => expect(count(told, 'connected')).toBe(2), 10_000)
    }
    // The queue's node has died: it is declared again on another.
    await eventually(() => caller.transport.push(queue, { body: bytes('after') }, { mandatory: true }), 10_000)
    await eventually(() => expect(served).toContain('after'))
    const back = performance.now() - killed
    await publishing
    expect(failed).toEqual([])
    expect(confirmed).toHaveLength(6000)
    await eventually(() => expect(confirmed.filter(n => !got.has(n))).toEqual([]), 20_000)
    const doubled = [...got.values()].reduce((sum, times) => sum + times - 1, 0)
    console.info(
      `one node of three killed in 6000 messages: 0 lost, ${doubled} doubled, services back in ${Math.round(back)} ms`,
    )
    await second.start()
  })

  it('is reached by whichever node answers', async () => {
    const [first] = nodes as [Rabbit]
    const { transport } = await connect(['amqp://127.0.0.1:1', 'amqp://no-such-host.invalid', first.url])
    await transport.publish(unique(), { body: bytes('x') }, { reliable: true })
    await expect(connect(['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2'])).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/127\.0\.0\.1:1: .*refused.*127\.0\.0\.1:2: .*refused/),
    })
  })
})
