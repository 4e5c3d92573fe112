import Type from 'typebox'
import { describe, expectTypeOf, it } from 'vitest'
import type { StandardSchema } from '../src/index.ts'
import {
  createNode,
  event,
  heartbeat,
  type InputOf,
  type MessageOf,
  type ParamsOf,
  type RequestOf,
  type ResponseOf,
  rpc,
  topic,
} from '../src/index.ts'

const node = await createNode()
const Pose = Type.Object({ x: Type.Number(), y: Type.Number() })
const Temperature = topic('sensors.{room}.temperature', Type.Object({ celsius: Type.Number() }))
declare const When: StandardSchema<{ at: string }, { at: Date }>

describe('names', () => {
  it('type their captures', () => {
    expectTypeOf<ParamsOf<'sensors.{room}.{rest...}'>>().toEqualTypeOf<{
      readonly room: string
      readonly rest: string
    }>()
    expectTypeOf<keyof ParamsOf<'a.b'>>().toEqualTypeOf<never>()
    expectTypeOf<ParamsOf<string>>().toEqualTypeOf<Readonly<Record<string, string>>>()
  })

  it('say what publishing needs', () => {
    const plain = node.publisher(topic('pose', Pose))
    plain.publish({ x: 1, y: 2 })
    plain.publish({ x: 1, y: 2 }, { reliable: true })
    // @ts-expect-error the topic is known
    plain.publish({ x: 1, y: 2 }, { topic: 'other' })

    const captured = node.publisher(Temperature)
    captured.publish({ celsius: 1 }, { params: { room: 'kitchen' } })
    captured.publish({ celsius: 1 }, { topic: 'sensors.kitchen.temperature' })
    // @ts-expect-error which room?
    captured.publish({ celsius: 1 })
    // @ts-expect-error which room?
    captured.publish({ celsius: 1 }, { params: {} })
    // @ts-expect-error a room is no roof
    captured.publish({ celsius: 1 }, { params: { roof: 'kitchen' } })

    const any = node.publisher(topic('*', Pose))
    any.publish({ x: 1, y: 2 }, { topic: 'a.b' })
    // @ts-expect-error which topic?
    any.publish({ x: 1, y: 2 })
  })
})

describe('messages', () => {
  it('are inferred from TypeBox', async () => {
    expectTypeOf<MessageOf<typeof Temperature>>().toEqualTypeOf<{ celsius: number }>()
    // @ts-expect-error a wrong payload
    node.publisher(topic('pose', Pose)).publish({ x: '1', y: 2 })
    await node.subscribe(Temperature, (message, { params, topic }) => {
      expectTypeOf(message).toEqualTypeOf<{ celsius: number }>()
      expectTypeOf(params.room).toEqualTypeOf<string>()
      expectTypeOf(topic).toEqualTypeOf<string>()
      // @ts-expect-error there is no such capture
      params.roof
    })
    for await (const message of await node.subscribe(Temperature)) {
      expectTypeOf(message).toEqualTypeOf<{ celsius: number }>()
    }
  })

  it('are inferred from Standard Schemas, in both directions', async () => {
    const Alarm = topic('alarm', When)
    node.publisher(Alarm).publish({ at: '2026-01-01' })
    // @ts-expect-error a sender gives text
    node.publisher(Alarm).publish({ at: new Date() })
    await node.subscribe(Alarm, ({ at }) => expectTypeOf(at).toEqualTypeOf<Date>())
    expectTypeOf<InputOf<typeof Alarm>>().toEqualTypeOf<{ at: string }>()
    expectTypeOf<MessageOf<typeof Alarm>>().toEqualTypeOf<{ at: Date }>()
  })

  it('may be a promise of the type alone', async () => {
    const Bare = topic<{ x: number }>('pose')
    node.publisher(Bare).publish({ x: 1 })
    // @ts-expect-error not as promised
    node.publisher(Bare).publish({ y: 1 })
    await node.subscribe(Bare, message => expectTypeOf(message).toEqualTypeOf<{ x: number }>())
    await node.subscribe(topic('anything'), message => expectTypeOf(message).toEqualTypeOf<unknown>())
  })

  it('may leave out what is typed with a default', () => {
    const Lamp = topic('lamp', Type.Object({ on: Type.Boolean(), level: Type.With(Type.Integer(), { default: 100 }) }))
    node.publisher(Lamp).publish({ on: true })
    // @ts-expect-error this one has none
    node.publisher(Lamp).publish({ level: 5 })
    expectTypeOf<MessageOf<typeof Lamp>>().toEqualTypeOf<{ on: boolean; level: number }>()
  })

  it('of heartbeats are dates', async () => {
    await node.subscribe(heartbeat('{name}'), ({ ts }, { params }) => {
      expectTypeOf(ts).toEqualTypeOf<Date>()
      expectTypeOf(params.name).toEqualTypeOf<string>()
    })
  })

  it('of events are their payload', async () => {
    const LightsOn = event('lights.on', { name: 'LightsOn', payload: Type.Object({ level: Type.Number() }) })
    const Short = event('lights.on', Type.Object({ level: Type.Number() }))
    await node.emit(LightsOn, { level: 1 })
    // @ts-expect-error a wrong payload
    await node.emit(Short, { level: 'x' })
    await node.subscribe(LightsOn, ({ level }, { event }) => {
      expectTypeOf(level).toEqualTypeOf<number>()
      expectTypeOf(event.name).toEqualTypeOf<string>()
    })
    expectTypeOf<MessageOf<typeof Short>>().toEqualTypeOf<{ level: number }>()
  })
})

describe('calls', () => {
  const Add = rpc('math.add', {
    request: Type.Object({ a: Type.Integer(), b: Type.Integer() }),
    response: Type.Object({ sum: Type.Integer() }),
  })

  it('are inferred on both sides', async () => {
    const { sum } = await node.client(Add)({ a: 1, b: 2 }, { timeout: 500, signal: AbortSignal.timeout(100) })
    expectTypeOf(sum).toEqualTypeOf<number>()
    await node.serve(Add, ({ a, b }, { signal }) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      return { sum: a + b }
    })
    await node.serve(Add, async ({ a, b }) => ({ sum: a + b }), { concurrency: 8 })
    // @ts-expect-error a missing field
    node.client(Add)({ a: 1 })
    // @ts-expect-error a wrong response
    await node.serve(Add, ({ a, b }) => ({ total: a + b }))
    expectTypeOf<RequestOf<typeof Add>>().toEqualTypeOf<{ a: number; b: number }>()
    expectTypeOf<ResponseOf<typeof Add>>().toEqualTypeOf<{ sum: number }>()
  })

  it('of Standard Schemas send inputs and receive outputs', async () => {
    const Shift = rpc('shift', { request: When, response: When })
    expectTypeOf(node.client(Shift)).parameter(0).toEqualTypeOf<{ at: string }>()
    expectTypeOf(await node.client(Shift)({ at: '' })).toEqualTypeOf<{ at: Date }>()
    await node.serve(Shift, ({ at }) => ({ at: at.toISOString() }))
  })
})
