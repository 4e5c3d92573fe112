import { createNode, rpc } from '@commlib/core'
import { type RedisCluster, type RedisNode, startRedisCluster } from '@commlib/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { after, bytes, connect, eventually, list, text, unique } from './support.ts'

let cluster: RedisCluster
let topic: string
let primary: RedisNode
let replica: RedisNode
beforeEach(async () => {
  cluster = await startRedisCluster()
  topic = unique()
  primary = await cluster.primaryOf(topic)
  replica = cluster.nodes[cluster.nodes.indexOf(primary) + 3] as RedisNode
}, 60_000)
afterEach(() => cluster.close())

describe('a replica that takes over', { timeout: 60_000 }, () => {
  it('lacks what had not reached it, which was confirmed, and all goes on from there', async () => {
    const options = { cluster: cluster.urls }
    const publisher = await connect(options)
    const away = await connect(options)
    await away.transport.subscribe(topic, () => {}, { durable: 'away' })
    await away.transport.close()
    const present: string[] = []
    const there = await connect(options)
    await there.transport.subscribe(topic, (_, frame) => void present.push(text(frame)), { reliable: true })
    await publisher.transport.publish(topic, { body: bytes('before') }, { reliable: true })
    expect(await primary.cli('wait', '1', '5000')).toBe('1')
    await replica.pause()
    await primary.cli('client', 'kill', 'type', 'replica')
    for (const n of list(100)) await publisher.transport.publish(topic, { body: bytes(n) }, { reliable: true })
    await eventually(() => expect(present).toEqual(['before', ...list(100)]))
    await primary.kill()
    await replica.resume()
    await publisher.transport.publish(topic, { body: bytes('after') }, { reliable: true })
    await eventually(() => expect(present.at(-1)).toBe('after'), 15_000)
    expect(present).toEqual(['before', ...list(100), 'after'])
    const got: string[] = []
    const back = await connect(options)
    await back.transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable: 'away' })
    await eventually(() => expect(got).toEqual(['before', 'after']))
    console.info(`a primary killed whose replica had been cut off: ${102 - got.length} of 102 confirmed and lost`)
  })

  it('is found when the primary hangs and its connections stay open', async () => {
    const options = { cluster: cluster.urls, keepalive: 1 }
    const a = await connect(options)
    const b = await connect(options)
    const got: string[] = []
    await b.transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable: 'd' })
    const join = (name: string) => createNode({ name, transport: redis(options), onError: () => {} })
    const [caller, service] = [await join('caller'), await join('service')]
    after(() => Promise.all([caller.close(), service.close()]))
    const Echo = rpc<{ n: number }, { n: number }>(topic)
    await service.serve(Echo, request => request)
    expect(await caller.client(Echo)({ n: 1 })).toEqual({ n: 1 })
    await primary.pause()
    const begun = performance.now()
    await a.transport.publish(topic, { body: bytes('x') }, { reliable: true })
    await eventually(() => expect(got).toContain('x'), 15_000)
    const call = () => caller.client(Echo)({ n: 2 }, { timeout: 500 })
    await eventually(async () => expect(await call()).toEqual({ n: 2 }), 15_000)
    const back = Math.round(performance.now() - begun)
    console.info(`a primary that hangs, keepalive 1 s: back in ${back} ms`)
    await primary.resume()
    // It finds out that it is none any more, and takes nothing.
    await a.transport.publish(topic, { body: bytes('y') }, { reliable: true })
    await eventually(() => expect(got).toContain('y'))
    expect(await call()).toEqual({ n: 2 })
  })

  it('is followed when it takes over in order, with nothing lost', async () => {
    const { transport, errors } = await connect({ cluster: cluster.urls })
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable: 'd' })
    const queue: string[] = []
    await transport.pull(topic, frame => void queue.push(text(frame)))
    let publishing = true
    const confirmed: string[] = []
    const load = Promise.all(
      list(20).map(async worker => {
        for (let n = 0; publishing; n++) {
          const body = `${worker} ${n}`
          await transport.publish(topic, { body: bytes(body) }, { reliable: true })
          confirmed.push(body)
        }
      }),
    )
    await eventually(() => expect(confirmed.length).toBeGreaterThan(500))
    await replica.cli('cluster', 'failover')
    await eventually(async () => expect(await cluster.primaryOf(topic)).toBe(replica), 10_000)
    const goal = confirmed.length + 500
    await eventually(() => expect(confirmed.length).toBeGreaterThan(goal), 10_000)
    publishing = false
    await load
    await eventually(() => expect(confirmed.filter(body => !got.includes(body))).toEqual([]), 10_000)
    await eventually(async () => {
      await transport.push(topic, { body: bytes('item') })
      expect(queue).toContain('item')
    })
    expect(errors).toEqual([])
  })
})
