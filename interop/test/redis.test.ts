import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, rpc, topic } from '@commlib/core'
import { redis } from '@commlib/redis'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPeer } from '../src/peer.ts'
import { testInterop } from '../src/suite.ts'
import { ensureVenv } from '../src/venv.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis()
})
afterAll(() => broker?.close())

testInterop({ transport: 'redis', broker: () => broker, connect: () => redis(broker.url) })

describe('commlib-py 0.13.2 on redis, beside the cases', () => {
  beforeAll(() => ensureVenv('0.13.2').then(() => {}), 300_000)

  async function meet(name: string) {
    const peer = await startPeer({ version: '0.13.2', transport: 'redis', broker })
    const node = await createNode({ name, transport: redis(broker.url), heartbeat: false })
    const end = async () => {
      peer.kill()
      await node.close()
    }
    return { peer, node, [Symbol.asyncDispose]: end }
  }

  test('hears what is published reliably and latched once', async () => {
    await using met = await meet('keeping')
    const { peer, node } = met
    await peer.do('subscribe', { topic: 'kept' })
    const kept = node.publisher(topic('kept'))
    await kept.publish({ n: 1 }, { reliable: true })
    await kept.publish({ n: 2 }, { latched: true })
    await kept.publish({ n: 3 }, { latched: true, reliable: true })
    await kept.publish({ n: 4 })
    for (const n of [1, 2, 3, 4]) expect(await peer.news('message')).toMatchObject({ data: { n } })
    expect(peer.pending('message')).toEqual([])
  })

  test('is heard once by a reliable subscriber', async () => {
    await using met = await meet('hearing')
    const { peer, node } = met
    const heard: unknown[] = []
    await node.subscribe(topic('said'), message => void heard.push(message), { reliable: true })
    await peer.do('publish', { topic: 'said', messages: [{ n: 1 }, { n: 2 }] })
    await expect.poll(() => heard).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('answers calls without the wait of a shared list', async () => {
    await using met = await meet('calling')
    const { peer, node } = met
    await peer.do('serve', { name: 'quick', what: 'echo' })
    const quick = node.client(rpc('quick'))
    const times: number[] = []
    for (let n = 0; n < 21; n++) {
      const began = performance.now()
      await quick({ n })
      times.push(performance.now() - began)
    }
    // The first call learns that it is Python who answers, after 50 ms.
    expect(times.slice(1).toSorted((a, b) => a - b)[10]).toBeLessThan(45)
  })

  test('has its QueueInit passed over', async () => {
    await using met = await meet('passing')
    const { peer, node } = met
    const sender = await startPeer({ version: '0.13.1', transport: 'redis', broker })
    const queue = rpc<object, object>('initiated')
    await sender.do('push', { name: 'initiated', text: 'QueueInit' })
    sender.kill()
    await node.serve(queue, request => request)
    expect(await peer.do('call', { name: 'initiated', data: { n: 1 } })).toEqual({ n: 1 })
  })
})

describe('commlib-py 0.13.1 on redis, after ten seconds without a call', () => {
  beforeAll(() => ensureVenv('0.13.1').then(() => {}), 300_000)

  test.concurrent.for([
    ['as shipped, serves no more', false],
    ['patched, serves on', true],
  ] as const)('%s', { timeout: 40_000 }, async ([, patched]) => {
    const peer = await startPeer({ version: '0.13.1', transport: 'redis', broker, patched })
    const node = await createNode({ transport: redis(broker.url), heartbeat: false })
    try {
      const name = `idle.${patched}`
      await peer.do('serve', { name, what: 'echo' })
      await sleep(11_500)
      const called = node.client(rpc(name))({ n: 1 }, { timeout: 2000 })
      if (patched) expect(await called).toEqual({ n: 1 })
      else await expect(called).rejects.toMatchObject({ code: 'TIMEOUT' })
    } finally {
      peer.kill()
      await node.close()
    }
  })
})
