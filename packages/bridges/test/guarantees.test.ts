import { readFileSync } from 'node:fs'
import { createNode, dedup, rpc, topic } from '@commlib/core'
import { contextOf, type Frame } from '@commlib/core/internal'
import { createFaultProxy } from '@commlib/testing'
import { describe, expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { guaranteeOf, lineOf } from './guarantees.ts'
import { after, eventually, fresh, kinds, nodeOn, pairs, quiet, sharedBrokers } from './world.ts'

const broker = sharedBrokers()
const NAMES = { memory: 'memory', mqtt: 'MQTT 5', redis: 'Redis', amqp: 'AMQP' }
const UNSUPPORTED = { code: 'UNSUPPORTED' }

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

describe.each(pairs)('from $title', ({ from, to }) => {
  const here = () => broker(from, 0)
  const there = () => broker(to, 1)
  const promised = () => guaranteeOf(here().connect().supports, there().connect().supports)
  const world = () => Promise.all([nodeOn(here()), nodeOn(there()), nodeOn(here()), nodeOn(there())])

  it('what the README says of it is what its transports can do', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const line = lineOf(NAMES[from.name], NAMES[to.name], promised())
    expect(readme, 'node packages/bridges/test/write-guarantees.ts writes the table').toContain(`${line}\n`)
  })

  it('a reliable topic is acknowledged only when the sink has it', async () => {
    const [alice, bob, source] = await world()
    const Count = topic<{ n: number }>(fresh('count'))
    const options = { namespace: 'r', reliable: true, source: { durable: fresh('d') } }
    const { place } = there()
    const proxy = place === undefined ? undefined : await createFaultProxy(place)
    after(() => proxy?.close())
    const open = () =>
      createNode({
        transport: there().connect(proxy === undefined ? undefined : `${to.name}://${proxy.host}:${proxy.port}`),
        heartbeat: false,
        onError: () => {},
        onStatus: () => {},
      })
    const sink = await open()
    after(() => sink.close())
    if (!promised().reliableTopic) {
      await expect(bridge(source, sink, Count, options)).rejects.toMatchObject(UNSUPPORTED)
      return
    }
    const got: number[] = []
    const Mirror = topic<{ n: number }>(`r.${Count.name}`)
    await bob.subscribe(Mirror, ({ n }) => got.push(n), { durable: fresh('bob') })
    const first = await bridge(source, sink, Count, options)
    const publisher = alice.publisher(Count)
    const some = async (start: number) => {
      for (const n of numbers(50)) await publisher.publish({ n: start + n }, { reliable: true })
    }
    await some(0)
    await eventually(() => expect(got).toEqual(numbers(50)))
    // The sink's subscriber may have a message before the bridge has its confirmation.
    await eventually(() => expect(first.counters.forwarded).toBe(50))
    // Now it cannot hand them on; the one that comes after it can.
    await proxy?.refuse()
    proxy?.reset()
    if (proxy !== undefined) await some(50)
    await quiet(100)
    expect(first.counters.forwarded).toBe(50)
    // What is in its hands is dropped with its connections, as when its process dies.
    await Promise.all([first.close(), sink.close(), source.close()])
    if (proxy === undefined) await some(50)
    await proxy?.restore()
    const [again, reader] = await Promise.all([open(), nodeOn(here())])
    const second = await bridge(reader, again, Count, options)
    after(() => Promise.all([second.close(), again.close()]))
    await some(100)
    await eventually(() => expect(new Set(got).size).toBe(150), 15_000)
    expect(got.filter((n, i) => got.indexOf(n) === i)).toEqual(numbers(150))
  })

  it('a reliable pattern is carried in order, with its ids', async () => {
    const [alice, bob, source, sink] = await world()
    const root = fresh('pattern')
    const Any = topic<{ n: number }>(`${root}.*`)
    const opening = bridge(source, sink, Any, { namespace: 'r', reliable: true })
    if (!promised().reliablePattern) {
      await expect(opening).rejects.toMatchObject(UNSUPPORTED)
      return
    }
    const made = await opening
    after(() => made.close())
    const One = topic<{ n: number }>(`r.${root}.a`)
    const got: number[] = []
    const frames: Frame[] = []
    const window = there().connect().supports.headers === 'never' ? {} : { dedup: dedup() }
    await bob.subscribe(One, ({ n }) => got.push(n), { reliable: true, ...window })
    const other = await nodeOn(there())
    await contextOf(other).transport.subscribe(One.name, (_, frame) => void frames.push(frame), { reliable: true })
    const publisher = alice.publisher(Any)
    for (const n of numbers(100)) await publisher.publish({ n }, { topic: `${root}.a`, reliable: true })
    await eventually(() => expect(got).toEqual(numbers(100)))
    await eventually(() => expect(frames).toHaveLength(100))
    const ids = frames.map(({ headers }) => headers?.['id'])
    const hops = frames.map(({ headers }) => headers?.['hops']?.split(',').length)
    const carried = promised().ids !== 'never'
    expect(new Set(ids).size).toBe(carried ? 100 : 1)
    expect(new Set(hops)).toEqual(new Set([carried ? 2 : undefined]))
  })

  it('a latched value is kept on both sides', async () => {
    const [alice, , source, sink] = await world()
    const Mode = topic<{ mode: string }>(fresh('mode'))
    if (!promised().latched) {
      await expect(bridge(source, sink, Mode, { namespace: 'l', latched: true })).rejects.toMatchObject(UNSUPPORTED)
      return
    }
    await alice.publisher(Mode).publish({ mode: 'early' }, { latched: true })
    const made = await bridge(source, sink, Mode, { namespace: 'l', latched: true })
    after(() => made.close())
    await eventually(() => expect(made.counters.forwarded).toBe(1))
    const late = await nodeOn(there())
    const got: unknown[] = []
    const hear = ({ mode }: { mode: string }, { latched }: { latched: boolean }) => got.push([mode, latched])
    await late.subscribe(topic<{ mode: string }>(`l.${Mode.name}`), hear, { latched: true })
    await eventually(() => expect(got).toEqual([['early', true]]))
  })

  it('a call that nobody serves says so, where the sink can tell', async () => {
    const [alice, , source, sink] = await world()
    const Nobody = rpc(fresh('nobody'))
    const made = await bridge(source, sink, Nobody)
    after(() => made.close())
    const code = promised().noService ? 'NO_SERVICE' : 'TIMEOUT'
    await expect(alice.client(Nobody)({}, { timeout: 1000 })).rejects.toMatchObject({ code })
  })
})

it('the table has every pair', () => {
  expect(pairs).toHaveLength(kinds.length ** 2)
})
