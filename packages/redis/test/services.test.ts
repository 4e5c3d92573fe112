import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, type Node, rpc } from '@commlib/core'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redis } from '../src/index.ts'
import { after, bytes, callHalfInVain, connect, eventually, list, quiet, raw, run, text, unique } from './support.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis({ own: true })
})
afterAll(() => broker.close())

interface Value {
  readonly n: number
}

async function open(): Promise<Node & { readonly failures: unknown[] }> {
  const failures: unknown[] = []
  const onError = (error: unknown) => void failures.push(error)
  const node = await createNode({ transport: redis(broker.url), heartbeat: false, onError })
  after(() => node.close())
  return Object.assign(node, { failures })
}

/** A service in a process of its own. */
async function serveApart(name: string, handler: string) {
  const child = run(`
    const node = await createNode({ transport: redis('${broker.url}'), heartbeat: false })
    await node.serve(rpc('${name}'), ${handler})
    console.log('ready')`)
  await child.printed('ready')
  return child
}

/** A subscriber in a process of its own that never finishes what it is given. */
async function hangApart(topic: string, options: object) {
  const child = run(`
    const transport = redis('${broker.url}')
    await transport.connect()
    await transport.subscribe('${topic}', () => {
      console.log('handling')
      return new Promise(() => {})
    }, ${JSON.stringify(options)})
    console.log('ready')`)
  await child.printed('ready')
  return child
}

describe('a service', () => {
  it('may take as many calls as it handles at a time, for longer than the keepalive, and stays connected', async () => {
    const { transport, statuses } = await connect(broker.url, { keepalive: 1 })
    const queue = unique()
    let handled = 0
    const handle = async () => {
      await sleep(4000)
      handled++
    }
    await transport.pull(queue, handle, { concurrency: 1 })
    await transport.push(queue, { body: bytes('1') })
    await eventually(() => expect(handled).toBe(1), 8000)
    expect(statuses.filter(({ type }) => type === 'disconnected')).toEqual([])
  }, 15_000)

  it('shares its calls with another of its name, within a fifth, and one that is killed fails only what it had begun', async () => {
    const name = unique()
    // Calls that take time, not processor time: what is asked is how the broker deals, not how the machine does.
    const handler = `async ({ n }) => {
      await new Promise(resolve => n >= 0 && setTimeout(resolve, 20))
      return { n, pid: process.pid }
    }`
    const children = [await serveApart(name, handler), await serveApart(name, handler)] as const
    const node = await open()
    const call = node.client(rpc<Value, Value & { pid: number }>(name))
    const counts = new Map<number, number>()
    const callers = list(8).map(async () => {
      for (let i = 0; i < 100; i++) {
        const { pid } = await call({ n: i })
        counts.set(pid, (counts.get(pid) ?? 0) + 1)
      }
    })
    await Promise.all(callers)
    expect(counts.size).toBe(2)
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThanOrEqual(80)

    // Each takes some of these, and never ends them.
    const begun = list(20).map(() =>
      call({ n: -1 }, { timeout: 3000 }).then(
        () => 'answered',
        error => error.code,
      ),
    )
    await eventually(async () => expect(await raw(broker.url).llen(name)).toBe(0))
    children[0].kill('SIGKILL')
    await children[0].ended
    const answers = await Promise.all(list(200).map(n => call({ n: Number(n) }, { timeout: 3000 })))
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1)
    expect(new Set(await Promise.all(begun))).toEqual(new Set(['TIMEOUT']))
  })

  it('leaves no key without an expiry, however early its callers have gone', async () => {
    const [a, b] = [await open(), await open()]
    await callHalfInVain(a, b)
    await Promise.all([a.close(), b.close()])
    expect([...a.failures, ...b.failures]).toEqual([])
    const admin = raw(broker.url)
    expect(await admin.keys('wake*')).toEqual([])
    for (const key of await admin.keys('rpc-*')) {
      // An answer that came when its caller had gone.
      const left = await admin.ttl(key)
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThanOrEqual(60)
    }
  })
})

describe('an answer', () => {
  it.each(['rpc-<id>', 'rpc-<id>.token'])('at %s expires, even where the service ends right after it', async form => {
    const address = form.replace('<id>', randomUUID().replaceAll('-', ''))
    const child = run(`
      const transport = redis('${broker.url}')
      await transport.connect()
      await transport.push('${address}', { body: new Uint8Array(1) })
      process.kill(process.pid, 'SIGKILL')`)
    await child.ended
    const [list = ''] = address.split('.')
    expect(await raw(broker.url).llen(list)).toBe(1)
    expect(await raw(broker.url).ttl(list)).toBeGreaterThan(0)
  })
})

describe('the answers of commlib-py to calls that are long over', () => {
  it('are removed each minute, and at the end, though they do not expire', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    after(() => vi.useRealTimers())
    const { transport } = await connect(broker.url, { keepalive: 0 })
    const inbox = await transport.inbox(() => expect.fail('nobody waits'))
    // More than are read still.
    const lists = list(1500).map(token => inbox.reserve(token))
    for (const token of list(1500)) inbox.release(token)
    const [over = ''] = lists
    const admin = raw(broker.url)
    for (const times of [1, 2]) {
      await admin.rpush(over, `${times}`)
      vi.advanceTimersByTime(60_000)
      await eventually(async () => expect(await admin.exists(over)).toBe(0))
    }
    for (const key of lists) await admin.rpush(key, 'late')
    await inbox.close()
    await eventually(async () => expect(await admin.exists(...lists)).toBe(0))
    await admin.rpush(over, 'never read')
    vi.advanceTimersByTime(60_000)
    await quiet()
    expect(await admin.exists(over)).toBe(1)
  })
})

describe('what a process was handling when it was killed', () => {
  it('comes again to the durable subscription', async () => {
    const [topic, durable] = [unique(), unique()]
    const child = await hangApart(topic, { durable })
    const { transport } = await connect(broker.url)
    await transport.publish(topic, { body: bytes('x') }, { reliable: true })
    await child.printed('handling')
    child.kill('SIGKILL')
    await child.ended
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
    await eventually(() => expect(got).toEqual(['x']))
  })

  it('goes to another member of its group', async () => {
    const [topic, group] = [unique(), unique()]
    const child = await hangApart(topic, { group })
    const { transport } = await connect(broker.url, { claimAfter: 500 })
    await transport.publish(topic, { body: bytes('x') }, { reliable: true })
    await child.printed('handling')
    child.kill('SIGKILL')
    await child.ended
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { group })
    await eventually(() => expect(got).toEqual(['x']))
    await transport.publish(topic, { body: bytes('y') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['x', 'y']))
    await eventually(async () => {
      const [pending] = (await raw(broker.url).xpending(`commlib:stream:{${topic}}`, `commlib:${group}`)) as [number]
      expect(pending).toBe(0)
    })
  })
})
