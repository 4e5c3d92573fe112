import { memory, topic } from '@commlib/core'
import { contextOf } from '@commlib/core/internal'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bridge, bridge } from '../src/index.ts'
import { after, eventually, fresh, kinds, nodeOn, quiet, type Started, type TestNode } from './world.ts'

const kindOf = (name: string) => kinds.find(kind => kind.name === name) as (typeof kinds)[number]

let alice: TestNode
let bob: TestNode
let here: Started
let there: Started
const hubs = async () => {
  ;[here, there] = await Promise.all([kindOf('memory').start(), kindOf('memory').start()])
  ;[alice, bob] = await Promise.all([nodeOn(here), nodeOn(there)])
}
const close = (made: Bridge) => {
  after(() => made.close())
  return made
}
const Reading = (name: string) => topic(name, Type.Object({ n: Type.Number() }))

describe('a bridge of messages', () => {
  it('filters and transforms typed messages, and counts what does not fit', async () => {
    await hubs()
    const name = fresh('r')
    const errors: unknown[] = []
    const seen: unknown[] = []
    const made = close(
      await bridge(alice, bob, Reading(name), {
        namespace: 'x',
        filter: ({ n }, { topic, sinkTopic, latched }) => {
          seen.push([topic, sinkTopic, latched])
          return n % 2 === 0
        },
        transform: async ({ n }) => (n === 6 ? ({ n: 'six' } as never) : { n: n * 10 }),
        onError: error => errors.push(error),
      }),
    )
    const got: number[] = []
    await bob.subscribe(Reading(`x.${name}`), ({ n }) => got.push(n))
    const { transport } = contextOf(alice)
    for (const body of ['{"n":1}', '{"n":2}', '{"n":"two"}', 'no json', '{"n":4}', '{"n":6}', '{"n":8}'])
      await transport.publish(name, { body: Buffer.from(body) })
    await eventually(() => expect(got).toEqual([20, 40, 80]))
    expect(made.counters).toMatchObject({ forwarded: 3, filtered: 1, dropped: 3, errors: 3 })
    expect(errors).toMatchObject([{ code: 'INVALID_MESSAGE' }, { code: 'DECODE_FAILED' }, { code: 'INVALID_MESSAGE' }])
    expect(String(errors[0])).toContain(`'${name}': /n must be number`)
    expect(seen[0]).toEqual([name, `x.${name}`, false])
  })

  it('carries bytes as they are without a schema', async () => {
    await hubs()
    const name = fresh('raw')
    close(await bridge(alice, bob, topic(name), { to: `${name}.copy` }))
    const got: string[] = []
    await contextOf(bob).transport.subscribe(
      `${name}.copy`,
      (_, { body }) => void got.push(Buffer.from(body).toString()),
    )
    for (const body of ['no json', '{ "n" : 1.0 }', ''])
      await contextOf(alice).transport.publish(name, { body: Buffer.from(body) })
    await eventually(() => expect(got).toEqual(['no json', '{ "n" : 1.0 }', '']))
  })

  it('limits by rate and by sample, each topic for itself', async () => {
    await hubs()
    const root = fresh('lim')
    const Any = topic<{ n: number }>(`${root}.*`)
    const sampled = close(await bridge(alice, bob, Any, { namespace: 's', sample: 3 }))
    const limited = close(await bridge(alice, bob, Any, { namespace: 'l', rate: 5 }))
    const got: string[] = []
    await bob.subscribe(topic<{ n: number }>(`s.${root}.*`), ({ n }, { topic }) => got.push(`${topic.slice(-1)}${n}`))
    const publisher = alice.publisher(Any)
    const start = performance.now()
    for (let n = 0; n < 7; n++)
      for (const name of ['a', 'b']) await publisher.publish({ n }, { topic: `${root}.${name}` })
    await eventually(() => expect(got).toEqual(['a0', 'b0', 'a3', 'b3', 'a6', 'b6']))
    expect(sampled.counters).toMatchObject({ forwarded: 6, filtered: 8 })
    while (performance.now() - start < 1000) {
      await publisher.publish({ n: 1 }, { topic: `${root}.a` })
      await quiet(5)
    }
    // Five a second, of a topic; and the first of the other one.
    expect(limited.counters.forwarded).toBeGreaterThanOrEqual(5)
    expect(limited.counters.forwarded).toBeLessThanOrEqual(8)
  })

  it('renames there and back', async () => {
    await hubs()
    const name = fresh('way')
    const Any = topic<{ n: number }>(`${name}.*`)
    close(
      await bridge(alice, bob, Any, {
        rename: from => from.replace(name, 'over'),
        twoWay: { pattern: 'back.*', rename: from => from.replace('back', name), transform: ({ n }) => ({ n: -n }) },
      }),
    )
    const got: string[] = []
    await bob.subscribe(topic('over.*'), (message, { topic }) => got.push(`${topic} ${JSON.stringify(message)}`))
    await alice.subscribe(topic(`${name}.b`), (message, { topic }) => got.push(`${topic} ${JSON.stringify(message)}`))
    await alice.publisher(Any).publish({ n: 1 }, { topic: `${name}.a` })
    await bob.publisher(topic<{ n: number }>('back.b')).publish({ n: 2 })
    await eventually(() => expect(got.sort()).toEqual([`${name}.b {"n":-2}`, 'over.a {"n":1}'].sort()))
  })

  it('works on connected transports, and leaves them open', async () => {
    const [a, b] = [memory(fresh('hub')), memory(fresh('hub'))]
    await Promise.all([a.connect(), b.connect()])
    after(() => Promise.all([a.close(), b.close()]))
    const made = await bridge(a, b, topic('x'))
    const got: string[] = []
    await b.subscribe('x', (_, { body }) => void got.push(Buffer.from(body).toString()))
    await a.publish('x', { body: Buffer.from('1') })
    await eventually(() => expect(got).toEqual(['1']))
    await made.close()
    await a.publish('x', { body: Buffer.from('2') })
    await b.publish('x', { body: Buffer.from('3') })
    await eventually(() => expect(got).toEqual(['1', '3']))
  })

  it('ends with its signal, and with either node', async () => {
    await hubs()
    const controller = new AbortController()
    await bridge(alice, bob, topic(fresh('s')), { signal: controller.signal })
    controller.abort()
    await eventually(() => expect([...alice.ports, ...bob.ports]).toEqual([]))
    await bridge(alice, bob, topic(fresh('s')))
    await bob.close()
    expect(alice.ports).toEqual([])
  })

  it.each([
    [{ to: 'a', namespace: 'b' }, 'to and namespace exclude each other'],
    [{ to: 'a..b' }, "not a topic: 'a..b'"],
    [{ nam: 'a' }, "has no option 'nam'"],
    [{ rate: 0 }, 'rate must be a number above 0'],
    [{ sample: 1.5 }, 'sample must be an integer'],
    [{ twoWay: true, rename: (name: string) => name }, 'give twoWay: { pattern, rename }'],
    [{ twoWay: true, transform: (m: unknown) => m }, 'give twoWay: { transform }'],
    [{ brokers: ['a', 'a'] }, 'brokers must be two different names'],
  ])('refuses %o', async (options, message) => {
    await hubs()
    await expect(bridge(alice, bob, topic('any.*'), options as never)).rejects.toThrow(message)
    expect([...alice.ports, ...bob.ports]).toEqual([])
  })
})

describe('naming as commlib-py does', () => {
  let robot: Started
  let backend: Started
  beforeAll(async () => {
    ;[robot, backend] = await Promise.all([kindOf('mqtt').start(), kindOf('redis').start()])
  })
  afterAll(() => Promise.all([robot.close(), backend.close()]))

  it('leaves the slashes of MQTT in names on Redis', async () => {
    const [source, sink, user, other] = await Promise.all([
      nodeOn(robot),
      nodeOn(backend),
      nodeOn(robot),
      nodeOn(backend),
    ])
    const root = fresh('sens')
    const Any = topic<object>(`${root}.*`)
    close(await bridge(source, sink, Any, { namespace: 'myrobot', naming: 'commlib-py' }))
    const got: string[] = []
    // As a channel is called on Redis.
    await contextOf(other).transport.subscribe(`myrobot.${root}/sonar/front`, topic => void got.push(topic))
    await user.publisher(Any).publish({}, { topic: `${root}.sonar.front` })
    await eventually(() => expect(got).toEqual([`myrobot.${root}/sonar/front`]))
  })

  it('has dots on MQTT', async () => {
    const [source, sink, user, other] = await Promise.all([
      nodeOn(backend),
      nodeOn(robot),
      nodeOn(backend),
      nodeOn(robot),
    ])
    const root = fresh('sens')
    const Any = topic<object>(`${root}.*`)
    close(await bridge(source, sink, Any, { namespace: 'myrobot', naming: 'commlib-py' }))
    const got: string[] = []
    await contextOf(other).transport.subscribe(`myrobot.${root}.*`, topic => void got.push(topic))
    await user.publisher(Any).publish({}, { topic: `${root}.sonar.front` })
    await eventually(() => expect(got).toEqual([`myrobot.${root}.sonar.front`]))
  })
})
