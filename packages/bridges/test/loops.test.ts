import { createNode, rpc, topic } from '@commlib/core'
import { contextOf, isInternal } from '@commlib/core/internal'
import { mqtt } from '@commlib/mqtt'
import { startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bridge, type MessageBridgeOptions } from '../src/index.ts'
import { after, eventually, fresh, kinds, nodeOn, quiet, type Started, type TestNode } from './world.ts'

const All = topic('*')

/** One whose wire has no headers. */
const bare = {
  name: 'mqtt 3.1.1',
  start: async (): Promise<Started> => {
    const broker = await startMosquitto({ own: true, config: ['set_tcp_nodelay true'] })
    const connect = () => mqtt(broker.url, { protocolVersion: 4 })
    return { url: broker.url, connect, close: () => broker.close() }
  },
}

/** Three brokers each: of one kind, and unlike ones. */
const triples = [
  ...kinds.filter(({ name }) => name !== 'amqp').map(kind => ({ name: kind.name, all: [kind, kind, kind] })),
  { name: bare.name, all: [bare, bare, bare] },
  { name: kinds.map(({ name }) => name).join(', '), all: kinds.slice(-3) },
]

describe.each(triples)('on $name', ({ all }) => {
  let brokers: Started[]
  beforeAll(async () => {
    // Each a broker of its own.
    brokers = await Promise.all(all.map(kind => kind.start()))
  })
  afterAll(() => Promise.all(brokers.map(broker => broker.close())))

  /** What arrives at every topic of a broker, as text. */
  const listen = async (node: TestNode) => {
    const got: string[] = []
    await node.subscribe(All, (message, { topic }) => got.push(`${topic} ${JSON.stringify(message)}`))
    return got
  }

  async function join(from: TestNode, to: TestNode, options: MessageBridgeOptions = {}) {
    const made = await bridge(from, to, All, options)
    after(() => made.close())
    return made
  }

  it('two opposite bridges of everything carry each message once', async () => {
    const nodes = await Promise.all(brokers.slice(0, 2).map(broker => nodeOn(broker)))
    const users = await Promise.all(brokers.slice(0, 2).map(broker => nodeOn(broker)))
    const [a, b] = nodes as [TestNode, TestNode]
    const [alice, bob] = users as [TestNode, TestNode]
    const forth = await join(a, b)
    const back = await join(b, a)
    const [atAlice, atBob] = await Promise.all([listen(alice), listen(bob)])
    const name = fresh('value')
    const publisher = alice.publisher(topic<{ v: number }>(name))
    // A sensor may repeat a value.
    const values = [1, 1, 1, 2, 1, 2, 2, 3]
    for (const v of values) await publisher.publish({ v })
    await bob.publisher(topic<{ v: number }>(name)).publish({ v: 9 })
    const expected = [...values, 9].map(v => `${name} {"v":${v}}`).sort()
    await eventually(() => {
      expect([...atAlice].sort()).toEqual(expected)
      expect([...atBob].sort()).toEqual(expected)
      expect([forth.counters.looped, back.counters.looped]).toEqual([1, 8])
    })
    await quiet()
    expect(atAlice).toHaveLength(9)
    expect(atBob).toHaveLength(9)
    expect(forth.counters).toMatchObject({ forwarded: 8, looped: 1 })
    expect(back.counters).toMatchObject({ forwarded: 1, looped: 8 })
  })

  it('a ring of three carries each message across each edge once, and never back', async () => {
    const [a, b, c] = (await Promise.all(brokers.map(broker => nodeOn(broker)))) as [TestNode, TestNode, TestNode]
    const users = await Promise.all(brokers.map(broker => nodeOn(broker)))
    const edges = [await join(a, b), await join(b, c), await join(c, a)]
    const got = await Promise.all(users.map(listen))
    const name = fresh('ring')
    for (let v = 0; v < 5; v++) await (users[0] as TestNode).publisher(topic<{ v: number }>(name)).publish({ v })
    await eventually(() => {
      for (const each of got) expect(each).toHaveLength(5)
      expect(edges[2]?.counters.looped).toBe(5)
    })
    await quiet()
    for (const each of got) expect(each).toHaveLength(5)
    expect(edges.map(({ counters }) => counters.forwarded)).toEqual([5, 5, 0])
    expect(edges.map(({ counters }) => counters.looped)).toEqual([0, 0, 5])
  })

  it('a triangle of bridges in both directions carries each message across each edge at most once', async () => {
    const [a, b, c] = (await Promise.all(brokers.map(broker => nodeOn(broker)))) as [TestNode, TestNode, TestNode]
    const edges: Array<Awaited<ReturnType<typeof join>>> = []
    for (const [from, to] of [
      [a, b],
      [b, a],
      [b, c],
      [c, b],
      [c, a],
      [a, c],
    ] as const)
      edges.push(await join(from, to))
    const name = fresh('triangle')
    const publisher = (await nodeOn(brokers[0] as Started)).publisher(topic<{ v: number }>(name))
    for (let v = 0; v < 5; v++) await publisher.publish({ v })
    await eventually(() => expect([edges[0], edges[5]].map(edge => edge?.counters.forwarded)).toEqual([5, 5]))
    await quiet(400)
    for (const { counters } of edges) expect(counters.forwarded).toBeLessThanOrEqual(5)
  })

  it('calls, their answers and cancellations never cross as messages', async () => {
    const [a, b] = (await Promise.all(brokers.slice(0, 2).map(broker => nodeOn(broker)))) as [TestNode, TestNode]
    const [alice, bob] = (await Promise.all(brokers.slice(0, 2).map(broker => nodeOn(broker)))) as [TestNode, TestNode]
    const made = await join(a, b, { twoWay: true })
    const seen: string[] = []
    // Beneath core, which would hide them.
    await contextOf(bob).transport.subscribe('*', topic => void seen.push(topic))
    const Add = rpc<{ a: number }, { b: number }>(fresh('add'))
    await alice.serve(Add, async ({ a }, { signal }) => {
      if (a === 2) await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      return { b: a }
    })
    const other = await nodeOn(brokers[0] as Started)
    expect(await other.client(Add)({ a: 1 })).toEqual({ b: 1 })
    await expect(other.client(Add)({ a: 2 }, { signal: AbortSignal.timeout(100) })).rejects.toThrow()
    await other.publisher(topic<object>('after.all')).publish({})
    await eventually(() => expect(seen).toContain('after.all'))
    await quiet(50)
    expect(seen.filter(topic => topic !== 'after.all')).toEqual([])
    expect(seen.some(isInternal)).toBe(false)
    expect(made.counters.forwarded).toBe(1)
  })
})

it('bridges of other processes know each other by the names of the brokers', async () => {
  const [, mqttKind] = kinds
  const here = await (mqttKind as (typeof kinds)[number]).start()
  const there = await (mqttKind as (typeof kinds)[number]).start()
  after(() => Promise.all([here.close(), there.close()]))
  const nodes: TestNode[] = []
  for (const broker of [here, there, there, here]) nodes.push(await nodeOn(broker))
  const [a, b, b2, a2] = nodes as [TestNode, TestNode, TestNode, TestNode]
  const forth = await bridge(a, b, All, { brokers: ['here', 'there'] })
  const back = await bridge(b2, a2, All, { brokers: ['there', 'here'] })
  after(() => Promise.all([forth.close(), back.close()]))
  const user = await createNode({ transport: here.connect(), heartbeat: false })
  after(() => user.close())
  for (let v = 0; v < 5; v++) await user.publisher(topic<{ v: number }>('across')).publish({ v })
  await eventually(() => expect(back.counters.looped).toBe(5))
  expect(forth.counters.forwarded).toBe(5)
  expect(back.counters.forwarded).toBe(0)
})
