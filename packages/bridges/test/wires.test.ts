import { action, GoalStatus, rpc, type TopicContract, topic, type WireProfile } from '@commlib/core'
import { contextOf } from '@commlib/core/internal'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { after, eventually, fresh, kinds, nodeOn, sharedBrokers } from './world.ts'

const broker = sharedBrokers()

/** Between versions of commlib-py, there and back. */
const pairs = kinds
  .filter(({ name }) => name !== 'memory')
  .flatMap(kind =>
    (
      [
        ['0.13', '0.6'],
        ['0.6', '0.13'],
        ['0.6', '0.6'],
      ] as const
    ).map(([from, to]) => ({ kind, from, to, title: `${from} to ${to} on ${kind.name}` })),
  )

describe.each(pairs)('a bridge from wire $title', ({ kind, from, to }) => {
  const at = (which: 0 | 1, wire: WireProfile) => nodeOn(broker(kind, which), { wire })
  const world = () => Promise.all([at(0, from), at(1, to), at(0, from), at(1, to)])

  it.each([
    ['a schema', Type.Object({ n: Type.Number() })],
    ['none', undefined],
  ])('writes messages as each side reads them, with %s', async (_, schema) => {
    const [alice, bob, source, sink] = await world()
    const name = fresh('n')
    type Counts = TopicContract<{ n: number }, { n: number }>
    const Count: Counts = schema === undefined ? topic<{ n: number }>(name) : topic(name, schema)
    const made = await bridge(source, sink, Count, { reliable: true, namespace: 'w' })
    after(() => made.close())
    const got: unknown[] = []
    const bodies: unknown[] = []
    const Mirror = topic<{ n: number }>(`w.${name}`)
    await bob.subscribe(Mirror, message => got.push(message), { reliable: true })
    await contextOf(await at(1, to)).transport.subscribe(Mirror.name, (_, { body }) => {
      bodies.push(JSON.parse(Buffer.from(body).toString()))
    })
    await alice.publisher(Count).publish({ n: 1 }, { reliable: true })
    await eventually(() => expect(got).toEqual([{ n: 1 }]))
    // On AMQP both are bare.
    const enveloped = { header: { properties: { content_type: 'application/json' } }, data: { n: 1 } }
    await eventually(() => expect(bodies).toMatchObject([to === '0.6' && kind.name !== 'amqp' ? enveloped : { n: 1 }]))
    expect(made.counters).toMatchObject({ forwarded: 1, errors: 0 })
  })

  it('writes long texts as well', async () => {
    const [alice, bob, source, sink] = await world()
    const Text = topic<{ text: string }>(fresh('text'))
    const made = await bridge(source, sink, Text, { reliable: true, namespace: 'w' })
    after(() => made.close())
    const got: unknown[] = []
    await bob.subscribe(topic(`w.${Text.name}`), message => got.push(message), { reliable: true })
    const message = { text: 'é'.repeat(60_000) }
    await alice.publisher(Text).publish(message, { reliable: true })
    await eventually(() => expect(got).toEqual([message]))
  })

  it('carries calls and goals', async () => {
    const [alice, bob, source, sink] = await world()
    const Add = rpc<{ a: number }, { sum: number }>(fresh('add'))
    const Move = action<{ to: number }, { at: number }, { steps: number }>(fresh('move'))
    for (const contract of [Add, Move]) {
      const made = await bridge(source, sink, contract)
      after(() => made.close())
    }
    await bob.serve(Add, ({ a }) => {
      if (a === 13) throw new RangeError('unlucky')
      return { sum: a + 1 }
    })
    await bob.serve(Move, async function* ({ to }) {
      for (let at = 1; at <= to; at++) yield { at }
      return { steps: to }
    })
    expect(await alice.client(Add)({ a: 1 })).toEqual({ sum: 2 })
    await expect(alice.client(Add)({ a: 13 })).rejects.toMatchObject({ remote: { name: 'RangeError' } })
    const goal = await alice.client(Move)({ to: 3 })
    const seen: number[] = []
    for await (const { at } of goal) seen.push(at)
    expect(seen).toEqual([1, 2, 3])
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { steps: 3 } })
  })
})
