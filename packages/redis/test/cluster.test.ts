import { createNode, rpc } from '@commlib/core'
import { type RedisCluster, startRedisCluster } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { after, bytes, connect, eventually, text, unique } from './support.ts'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster?.close())

describe('a cluster', () => {
  it('works', async () => {
    const options = { cluster: cluster.urls }
    const a = await connect(options)
    const b = await connect(options)
    const got: string[] = []
    await a.transport.subscribe('x.y', (_, frame) => void got.push(text(frame)))
    await b.transport.publish('x.y', { body: bytes('1') })
    await eventually(() => expect(got).toEqual(['1']))
    const service = await createNode({ name: 'service', transport: redis(options) })
    const caller = await createNode({ name: 'caller', transport: redis(options) })
    after(() => Promise.all([service.close(), caller.close()]))
    const Add = rpc<{ a: number; b: number }, { sum: number }>(unique())
    await service.serve(Add, ({ a, b }) => ({ sum: a + b }))
    expect(await caller.client(Add)({ a: 1, b: 2 })).toEqual({ sum: 3 })
  })
})
