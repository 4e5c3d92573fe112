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

  async function meet(name: string, on = broker) {
    const peer = await startPeer({ version: '0.13.2', transport: 'redis', broker: on })
    const node = await createNode({ name, transport: redis(on.url), heartbeat: false })
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

  /** What 50 callers at a time get, until they are told to stop. */
  function callAll(call: (request: { n: number }) => Promise<{ n: number }>) {
    let stopped = false
    let made = 0
    const failed: unknown[] = []
    const callers = Array.from({ length: 50 }, async () => {
      while (!stopped) {
        const n = made++
        const answer = await call({ n }).catch(error => error)
        if (answer?.n !== n) failed.push(answer)
      }
    })
    const progress = async () => {
      const before = made
      await expect.poll(() => made, { timeout: 10_000 }).toBeGreaterThan(before + 200)
    }
    const stop = async () => {
      stopped = true
      await Promise.all(callers)
      return failed
    }
    return { progress, stop }
  }

  test('takes over a service of ours that leaves, and no call is lost', async () => {
    await using met = await meet('taken')
    const { peer, node } = met
    const echo = rpc<{ n: number }, { n: number }>('taken.echo')
    const leaving = await createNode({ transport: redis(broker.url), heartbeat: false })
    await leaving.serve(echo, async request => {
      await sleep(2)
      return request
    })
    const client = node.client(echo)
    const calls = callAll(request => client(request, { timeout: 5000 }))
    await calls.progress()
    await peer.do('serve', { name: echo.name, what: 'echo', workers: 1 })
    await calls.progress()
    await leaving.close({ grace: 5000 })
    await calls.progress()
    expect(await calls.stop()).toEqual([])
    expect(peer.pending('request').length).toBeGreaterThan(0)
  })

  test('leaves a service to one of ours, and loses no call but those it had begun', async () => {
    await using met = await meet('left')
    const { peer, node } = met
    const echo = rpc<{ n: number }, { n: number }>('left.echo')
    await peer.do('serve', { name: echo.name, what: 'echo', workers: 1 })
    const client = node.client(echo)
    const calls = callAll(request => client(request, { timeout: 2000 }))
    await calls.progress()
    let answered = 0
    await using coming = await createNode({ transport: redis(broker.url), heartbeat: false })
    await coming.serve(echo, request => {
      answered++
      return request
    })
    await calls.progress()
    peer.kill()
    // Whatever it had popped is gone with it, which is at most what was in flight.
    await calls.progress()
    const failed = await calls.stop()
    expect(failed.length).toBeLessThanOrEqual(50)
    for (const error of failed) expect(error).toMatchObject({ code: 'TIMEOUT' })
    expect(answered).toBeGreaterThan(200)
    await expect(client({ n: -1 }, { timeout: 1000 })).resolves.toEqual({ n: -1 })
  })

  test('serves beside us, with 50 calls in flight', async () => {
    await using met = await meet('beside')
    const { peer, node } = met
    const echo = rpc<{ n: number }, { n: number }>('beside.echo')
    await peer.do('serve', { name: echo.name, what: 'echo', workers: 1 })
    let answered = 0
    await using ours = await createNode({ transport: redis(broker.url), heartbeat: false })
    await ours.serve(
      echo,
      async request => {
        answered++
        await sleep(20)
        return request
      },
      { concurrency: 4 },
    )
    const client = node.client(echo)
    const calls = callAll(request => client(request, { timeout: 10_000 }))
    await calls.progress()
    await calls.progress()
    expect(await calls.stop()).toEqual([])
    expect(answered).toBeGreaterThan(0)
    expect(peer.pending('request').length).toBeGreaterThan(0)
  })

  test('leaves no key behind when it answers after the deadline', async () => {
    // On one of its own: elsewhere there are keys of others, which come and go.
    await using own = await startRedis()
    await using met = await meet('late', own)
    const { peer, node } = met
    await peer.do('serve', { name: 'late.echo', what: 'late' })
    const client = node.client(rpc('late.echo'))
    const before = await peer.do('lists')
    await expect(client({ n: 1 }, { timeout: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    await peer.do('go')
    await peer.news('answered')
    // Its answer follows the news.
    await sleep(500)
    await expect.poll(() => peer.do('lists'), { timeout: 5000 }).toEqual(before)
    await peer.do('serve', { name: 'late.after', what: 'echo' })
    expect(await node.client(rpc('late.after'))({ n: 2 })).toEqual({ n: 2 })
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
