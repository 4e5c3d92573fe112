import { action, event, GoalStatus, rpc, topic } from '@commlib/core'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { after, eventually, fresh, nodeOn, pairs, quiet, sharedBrokers } from './world.ts'

const opened = async (...args: Parameters<typeof bridge>) => {
  const made = await bridge(...args)
  after(() => made.close())
  return made
}

const broker = sharedBrokers()

describe.each(pairs)('a bridge from $title', ({ from, to }) => {
  /** A user on each side, and the two nodes of the bridge. */
  const world = () => {
    const [here, there] = [broker(from, 0), broker(to, 1)]
    return Promise.all([nodeOn(here), nodeOn(there), nodeOn(here), nodeOn(there)])
  }

  it('carries a topic, under another name', async () => {
    const [alice, bob, source, sink] = await world()
    const name = fresh('pose')
    const Pose = topic(name, Type.Object({ x: Type.Number() }))
    const Mirror = topic(`${name}.mirror`, Type.Object({ x: Type.Number() }))
    const made = await opened(source, sink, Pose, { to: `${name}.mirror` })
    const got: number[] = []
    await bob.subscribe(Mirror, ({ x }) => got.push(x))
    const publisher = alice.publisher(Pose)
    for (let x = 0; x < 20; x++) await publisher.publish({ x })
    await eventually(() => expect(got).toEqual(Array.from({ length: 20 }, (_, x) => x)))
    await eventually(() => expect(made.counters).toMatchObject({ forwarded: 20, dropped: 0, errors: 0, lag: 0 }))
    for (const node of [source, sink])
      expect(node.ports).toMatchObject([{ direction: 'inout', kind: 'bridge', name, messages: 20, errors: 0 }])
    await made.close()
    await made.close()
    expect([...source.ports, ...sink.ports]).toEqual([])
    await publisher.publish({ x: 21 })
    await quiet()
    expect(got).toHaveLength(20)
  })

  it('carries a pattern into a namespace, and back', async () => {
    const [alice, bob, source, sink] = await world()
    const root = fresh('sensors')
    const Any = topic(`${root}.{place}.*`)
    const made = await opened(source, sink, Any, { namespace: 'plant1', twoWay: true })
    const there: unknown[] = []
    const here: unknown[] = []
    await bob.subscribe(topic(`plant1.${root}.*`), (message, { topic }) => there.push([topic, message]))
    await alice.subscribe(topic(`${root}.*`), (message, { topic }) => here.push([topic, message]))
    await alice.publisher(topic(`${root}.hall.sonar`)).publish({ cm: 3 })
    await bob.publisher(topic(`plant1.${root}.roof.sonar`)).publish({ cm: 4 })
    await eventually(() => {
      expect(there.length).toBeGreaterThanOrEqual(2)
      expect(here.length).toBeGreaterThanOrEqual(2)
    })
    await quiet()
    const sorted = (all: unknown[]) => all.map(each => JSON.stringify(each)).sort()
    expect(sorted(there)).toEqual(
      sorted([
        [`plant1.${root}.hall.sonar`, { cm: 3 }],
        [`plant1.${root}.roof.sonar`, { cm: 4 }],
      ]),
    )
    expect(sorted(here)).toEqual(
      sorted([
        [`${root}.hall.sonar`, { cm: 3 }],
        [`${root}.roof.sonar`, { cm: 4 }],
      ]),
    )
    expect(made.counters).toMatchObject({ forwarded: 2, looped: 2, errors: 0 })
  })

  it('carries an event as its sender described it', async () => {
    const [alice, bob, source, sink] = await world()
    const uri = fresh('lights')
    const LightsOn = event(uri, {
      name: 'TurnOn',
      description: 'light',
      payload: Type.Object({ level: Type.Number() }),
    })
    const Any = event(uri, Type.Object({ level: Type.Number() }))
    await opened(source, sink, Any, { namespace: 'home' })
    const got: unknown[] = []
    await bob.subscribe(event(`home.${uri}`), (payload, { event }) => got.push({ payload, event }))
    await alice.emit(LightsOn, { level: 3 })
    await eventually(() =>
      expect(got).toEqual([
        { payload: { level: 3 }, event: { name: 'TurnOn', description: 'light', uri: `home.${uri}` } },
      ]),
    )
  })

  it('carries calls: answers, errors, deadlines and aborts', async () => {
    const [alice, bob, source, sink] = await world()
    const name = fresh('add')
    const shape = { request: Type.Object({ a: Type.Number() }), response: Type.Object({ sum: Type.Number() }) }
    const Add = rpc(name, shape)
    const made = await opened(source, sink, Add, { namespace: 'math' })
    let aborted = false
    await bob.serve(rpc(`math.${name}`, shape), async ({ a }, { signal, timeout }) => {
      if (a === 13) throw Object.assign(new RangeError('unlucky'), { code: 'E_LUCK' })
      if (a === 14) return { sum: timeout ?? -1 }
      if (a === 15) {
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        aborted = true
        // Or its answer could be there before the caller, whose deadline it is too, has noticed that.
        await quiet(500)
      }
      return { sum: a + 1 }
    })
    const add = alice.client(Add)
    expect(await add({ a: 1 })).toEqual({ sum: 2 })
    const sums = await Promise.all(Array.from({ length: 100 }, (_, a) => add({ a: a + 100 })))
    expect(sums.map(({ sum }) => sum)).toEqual(Array.from({ length: 100 }, (_, a) => a + 101))
    await expect(add({ a: 13 })).rejects.toMatchObject({
      code: 'REMOTE_ERROR',
      remote: { name: 'RangeError', message: 'unlucky', code: 'E_LUCK' },
    })
    const { sum } = await add({ a: 14 }, { timeout: 3000 })
    expect(sum).toBeGreaterThan(1000)
    expect(sum).toBeLessThanOrEqual(3000)
    const controller = new AbortController()
    const call = add({ a: 15 }, { signal: controller.signal })
    await quiet(100)
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await eventually(() => expect(aborted).toBe(true))
    const start = performance.now()
    await expect(add({ a: 15 }, { timeout: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(performance.now() - start).toBeLessThan(1000)
    expect(made.counters.forwarded).toBe(102)
    expect(source.ports).toMatchObject([{ direction: 'inout', kind: 'bridge' }])
  })

  it('carries goals: ids, feedback, results, errors, rejections and cancelling', async () => {
    const [alice, bob, source, sink] = await world()
    const name = fresh('move')
    const shape = {
      goal: Type.Object({ to: Type.Number() }),
      feedback: Type.Object({ at: Type.Number() }),
      result: Type.Object({ steps: Type.Number() }),
    }
    const Move = action(name, shape)
    await opened(source, sink, Move, { namespace: 'robot' })
    const ids: string[] = []
    await bob.serve(action(`robot.${name}`, shape), async function* ({ to }, { id, signal }) {
      ids.push(id)
      if (to < 0) throw new RangeError('backwards')
      for (let at = 1; at <= to; at++) {
        yield { at }
        if (to > 100) await new Promise(resolve => setTimeout(resolve, 20))
        if (signal.aborted) return { steps: at }
      }
      return { steps: to }
    })
    const move = alice.client(Move)
    const goal = await move({ to: 3 }, { id: 'my-goal' })
    expect(goal.id).toBe('my-goal')
    const seen: number[] = []
    for await (const { at } of goal) seen.push(at)
    expect(seen).toEqual([1, 2, 3])
    expect(await goal.result).toEqual({ steps: 3 })
    expect(ids).toEqual(['my-goal'])
    const again = await alice.client(Move).attach('my-goal')
    expect(await again.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { steps: 3 } })

    const failed = await (await move({ to: -1 })).outcome
    expect(failed).toMatchObject({ status: GoalStatus.ABORTED, error: { code: 'GOAL_ABORTED' } })
    expect(failed.error?.cause).toMatchObject({ remote: { name: 'RangeError', message: 'backwards' } })

    const long = await move({ to: 1000 })
    await expect(move({ to: 1 })).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    await long.cancel()
    const outcome = await long.outcome
    expect(outcome).toMatchObject({ status: GoalStatus.CANCELED })
    expect(outcome.result?.steps).toBeGreaterThan(0)
    await expect(move.attach('unheard-of')).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
    expect(source.errors).toEqual([])
  })
})
