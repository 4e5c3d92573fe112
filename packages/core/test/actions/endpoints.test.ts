import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  action,
  createActionClient,
  createActionService,
  type MessageHandler,
  memory,
  type StandardSchema,
  topic,
} from '../../src/index.ts'
import { aborted, freshHub, gate, Move, openNode, openPair } from './fixtures.ts'

/** Takes longer to check the larger a number is not: later messages are ready first. */
const Slow: StandardSchema<{ n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async value => {
      const { n } = value as { n: number }
      await delay(Math.max(0, 10 - n))
      return n < 0 ? { issues: [{ message: 'is negative', path: ['n'] }] } : { value: { n } }
    },
  },
}

describe('an action without a node', () => {
  test('is served and called over transports', async () => {
    const hub = freshHub()
    const [robot, desk] = [memory(hub), memory(hub)]
    onTestFinished(async () => void (await Promise.all([robot.close(), desk.close()])))
    await robot.connect()
    await desk.connect()
    const service = await createActionService(robot, Move, async function* ({ x }) {
      yield { progress: x }
      return { seconds: x }
    })
    const move = createActionClient(desk, Move)
    const goal = await move({ x: 4 })
    expect(await goal.result).toEqual({ seconds: 4 })
    await move.close()
    await service.close()
  })
})

describe('a schema that checks asynchronously', () => {
  const Count = action('robot.count', { goal: Slow, feedback: Slow, result: Slow })

  test('keeps feedback in order, and before the end', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Count, async (_, { feedback }) => {
      for (let n = 0; n < 10; n++) void feedback({ n })
      return { n: 10 }
    })
    const goal = await desk.client(Count)({ n: 1 })
    const heard: number[] = []
    for await (const { n } of goal) heard.push(n)
    expect(await goal.result).toEqual({ n: 10 })
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('refuses what does not fit, on either side', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Count, async ({ n }, { feedback }) => {
      // Nobody awaits it: it is told to onError.
      void feedback({ n: -1 })
      return { n: n === 1 ? -1 : 1 }
    })
    await expect(desk.client(Count)({ n: -1 })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    const goal = await desk.client(Count)({ n: 1 })
    await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_ABORTED', message: expect.stringContaining('/n') })
    await vi.waitFor(() => expect(robot.errors).toHaveLength(2))
  })
})

describe('a client', () => {
  test('subscribes when it has its first goal, once for all of its goals', async () => {
    const hub = freshHub()
    const robot = await openNode(hub)
    const transport = memory(hub)
    const subscribe = vi.fn(transport.subscribe)
    const desk = await openNode({ ...transport, subscribe })
    await robot.serve(Move, ({ x }) => ({ seconds: x }), { policy: 'parallel' })
    const move = desk.client(Move)
    expect(subscribe).not.toHaveBeenCalled()
    const goals = await Promise.all([1, 2, 3].map(x => move({ x })))
    await desk.client(Move)({ x: 4 })
    await Promise.all(goals.map(goal => goal.result))
    expect(subscribe.mock.calls.map(([name]) => name).sort()).toEqual(['robot.move.feedback', 'robot.move.status'])
  })

  test('tries again to subscribe', async () => {
    const hub = freshHub()
    const robot = await openNode(hub)
    const transport = memory(hub)
    const subscribe = vi.fn(transport.subscribe).mockRejectedValueOnce(new Error('refused'))
    const desk = await openNode({ ...transport, subscribe })
    await robot.serve(Move, () => ({ seconds: 1 }))
    const move = desk.client(Move)
    await expect(move({ x: 1 })).rejects.toThrow('refused')
    expect(await (await move({ x: 1 })).result).toEqual({ seconds: 1 })
  })

  test('gets all feedback once after it has tried again to subscribe', async () => {
    const hub = freshHub()
    const robot = await openNode(hub)
    const transport = memory(hub)
    const subscribe = vi.fn(transport.subscribe).mockRejectedValueOnce(new Error('refused'))
    const desk = await openNode({ ...transport, subscribe })
    await robot.serve(Move, async function* () {
      yield { progress: 1 }
      return { seconds: 1 }
    })
    const move = desk.client(Move)
    await expect(move({ x: 1 })).rejects.toThrow('refused')
    const got: unknown[] = []
    for await (const feedback of await move({ x: 1 })) got.push(feedback)
    expect(got).toEqual([{ progress: 1 }])
  })

  test('goes on while its node is stopped', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, ({ x }) => ({ seconds: x }))
    await desk.stop()
    expect(await (await desk.client(Move)({ x: 1 })).result).toEqual({ seconds: 1 })
    await desk.start()
  })

  test('waits for its goal to be taken no longer than it was told', async () => {
    const hub = freshHub()
    const desk = await openNode({ ...memory(hub), push: async () => {} })
    await expect(desk.client(Move, { timeout: 30 })({ x: 1 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    const signal = AbortSignal.abort('early')
    await expect(desk.client(Move)({ x: 1 }, { signal })).rejects.toBe('early')
  })

  test('tells at once that nobody serves', async () => {
    const desk = await openNode(freshHub())
    await expect(desk.client(Move)({ x: 1 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    await expect(desk.client(Move).attach('x')).rejects.toMatchObject({ code: 'NO_SERVICE' })
  })

  test('does not suffer from a callback that throws', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async function* () {
      yield { progress: 1 }
      yield { progress: 2 }
      return { seconds: 1 }
    })
    const onFeedback = vi.fn(() => {
      throw new Error('callback')
    })
    const goal = await desk.client(Move)({ x: 1 }, { onFeedback })
    expect(await goal.result).toEqual({ seconds: 1 })
    expect(onFeedback).toHaveBeenCalledTimes(2)
    expect(desk.errors).toHaveLength(2)
  })
})

describe('a service', () => {
  test('closes when its signal aborts', async () => {
    const { robot, desk } = await openPair()
    const abort = new AbortController()
    await robot.serve(Move, (_, { signal }) => aborted(signal), { signal: abort.signal })
    const goal = await desk.client(Move)({ x: 1 })
    abort.abort()
    expect(await goal.outcome).toMatchObject({ error: { cause: { code: 'CLOSED' } } })
    await vi.waitFor(() => expect(robot.ports).toEqual([]))
  })

  test('sends the last status after all feedback, and nothing of a goal after that', async () => {
    const { robot, desk } = await openPair()
    const seen: string[] = []
    const note: MessageHandler<unknown> = (_, { topic }) => seen.push(topic)
    await desk.subscribe(topic('robot.move.feedback'), note)
    await desk.subscribe(topic('robot.move.status'), note)
    const late = gate()
    await robot.serve(Move, async (_, { feedback }) => {
      for (let progress = 0; progress < 5; progress++) void feedback({ progress })
      void late.opened.then(() => feedback({ progress: 99 }))
      return { seconds: 1 }
    })
    await (await desk.client(Move)({ x: 1 })).result
    late.open()
    await delay(10)
    const [status, feedback] = ['robot.move.status', 'robot.move.feedback']
    expect(seen).toEqual([status, status, ...Array(5).fill(feedback), status])
  })

  test('holds no more feedback than it may when the connection does not take it', async () => {
    const hub = freshHub()
    const transport = memory(hub)
    const robot = await openNode({
      ...transport,
      publish: (name, frame, options) =>
        name.endsWith('.feedback') ? new Promise<void>(() => {}) : transport.publish(name, frame, options),
    })
    const desk = await openNode(hub)
    await robot.serve(
      Move,
      (_, { feedback, signal }) => {
        for (let progress = 0; progress < 1002; progress++) void feedback({ progress })
        return aborted(signal)
      },
      { cancelGrace: 10 },
    )
    await desk.client(Move)({ x: 1 })
    await vi.waitFor(() => expect(robot.errors).toMatchObject([{ code: 'BUFFER_FULL' }, { code: 'BUFFER_FULL' }]))
  })
})
