import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { CommlibError, GoalError, GoalStatus, RemoteError } from '../../src/index.ts'
import { aborted, begun, freshHub, gate, Move, openNode, openPair } from './fixtures.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('a goal', () => {
  test('is worked towards by a generator that yields feedback', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async function* (goal) {
      for (const progress of [10, 50, 90]) yield { progress }
      return { seconds: goal.x }
    })
    const goal = await desk.client(Move)({ x: 3 })
    expect(await collect(goal)).toEqual([{ progress: 10 }, { progress: 50 }, { progress: 90 }])
    expect(await goal.result).toEqual({ seconds: 3 })
    expect(goal.status).toBe(GoalStatus.SUCCEEDED)
    expect(await goal.outcome).toEqual({ status: GoalStatus.SUCCEEDED, result: { seconds: 3 } })
    expect(goal.id).toMatch(/^[0-9a-f]{32}$/)
  })

  test('is worked towards by a function that tells feedback out of callbacks', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async (_, { feedback, description }) => {
      await new Promise<void>(resolve => setTimeout(() => void feedback({ progress: 1 }).then(resolve), 1))
      void feedback({ progress: description.length })
      return { seconds: 1 }
    })
    const heard: number[] = []
    const onFeedback = ({ progress }: { progress: number }) => heard.push(progress)
    const goal = await desk.client(Move)({ x: 1 }, { description: 'home', onFeedback })
    await goal.result
    expect(heard).toEqual([1, 4])
  })

  test('has a live status', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    await robot.serve(Move, async () => {
      await end.opened
      return { seconds: 1 }
    })
    const goal = await desk.client(Move)({ x: 1 })
    await begun(goal)
    end.open()
    await goal.result
    expect(goal.status).toBe(GoalStatus.SUCCEEDED)
  })

  test('is rejected with the words of the service while another one runs', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const move = desk.client(Move)
    const first = await move({ x: 1 })
    await expect(move({ x: 2 })).rejects.toMatchObject({
      code: 'GOAL_REJECTED',
      message: `Cannot make the transition - Goal ${first.id} is running!`,
    })
    await first.cancel()
  })

  test('that does not fit reaches no handler', async () => {
    const { robot, desk } = await openPair()
    const handler = vi.fn(() => ({ seconds: 1 }))
    await robot.serve(Move, handler)
    await expect(desk.client(Move)({ x: 'far' as never })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    const { action } = await import('../../src/index.ts')
    const Loose = action<unknown, unknown, unknown>('robot.move')
    await expect(desk.client(Loose)({ x: 'far' })).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    expect(robot.errors).toMatchObject([{ code: 'INVALID_MESSAGE' }])
    expect(handler).not.toHaveBeenCalled()
  })

  test('is aborted by what its handler throws', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async () => {
      throw Object.assign(new RangeError('the arm is too short'), { code: 'E_ARM' })
    })
    const goal = await desk.client(Move)({ x: 1 })
    const error = await goal.result.catch(error => error)
    expect(error).toBeInstanceOf(GoalError)
    expect(error).toMatchObject({ code: 'GOAL_ABORTED' })
    expect(error.cause).toBeInstanceOf(RemoteError)
    expect(error.cause.remote).toEqual({ name: 'RangeError', message: 'the arm is too short', code: 'E_ARM' })
    expect(goal.status).toBe(GoalStatus.ABORTED)
    expect(await goal.outcome).toEqual({ status: GoalStatus.ABORTED, result: undefined, error })
    expect(robot.errors).toMatchObject([{ name: 'RangeError' }])
    expect(robot.ports).toMatchObject([{ kind: 'action-service', name: 'robot.move', messages: 1, errors: 1 }])
  })

  test('is aborted by a result or feedback that does not fit', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(
      Move,
      async function* ({ x }) {
        if (x === 1) yield { progress: 'half' as never }
        return { seconds: 'few' as never }
      },
      { policy: 'parallel' },
    )
    for (const x of [1, 2]) {
      const goal = await desk.client(Move)({ x })
      const error = await goal.result.catch(error => error)
      expect(error).toMatchObject({ code: 'GOAL_ABORTED', cause: { remote: { code: 'INVALID_MESSAGE' } } })
    }
  })

  test('needs nobody who awaits it', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { feedback }) => {
      // Nobody awaits this either.
      void feedback({ progress: 'none' as never })
      throw new Error('nobody cares')
    })
    const goal = await desk.client(Move)({ x: 1 })
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.ABORTED })
    await vi.waitFor(() => expect(robot.errors).toHaveLength(2))
  })

  test('keeps the newest feedback for a slow reader, and tells of the rest', async () => {
    const hub = freshHub()
    const lost = vi.fn()
    const robot = await openNode(hub)
    const desk = await openNode(hub, { onStatus: status => status.type === 'messages-lost' && lost(status) })
    const begin = gate()
    const end = gate()
    await robot.serve(Move, async function* () {
      await begin.opened
      for (let progress = 0; progress < 20; progress++) yield { progress }
      await end.opened
      return { seconds: 1 }
    })
    const goal = await desk.client(Move, { maxBuffered: 5 })({ x: 1 })
    const reader = goal[Symbol.asyncIterator]()
    begin.open()
    expect(await reader.next()).toMatchObject({ value: { progress: 0 } })
    await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1))
    expect(lost).toHaveBeenCalledWith(expect.objectContaining({ count: 14 }))
    end.open()
    await goal.result
    expect((await collect(goal)).map(({ progress }) => progress)).toEqual([15, 16, 17, 18, 19])
  })

  test('does not call lost what nobody reads', async () => {
    const hub = freshHub()
    const lost = vi.fn()
    const robot = await openNode(hub)
    const desk = await openNode(hub, { onStatus: status => status.type === 'messages-lost' && lost(status) })
    await robot.serve(Move, async function* () {
      for (let progress = 0; progress < 20; progress++) yield { progress }
      return { seconds: 1 }
    })
    await (await desk.client(Move, { maxBuffered: 5 })({ x: 1 })).result
    // Losses are told in sums, after a tenth of a second.
    await delay(150)
    expect(lost).not.toHaveBeenCalled()
  })

  test('goes on in a second loop', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async function* () {
      for (const progress of [1, 2, 3]) yield { progress }
      return { seconds: 1 }
    })
    const goal = await desk.client(Move)({ x: 1 })
    for await (const { progress } of goal) if (progress === 1) break
    expect(await collect(goal)).toEqual([{ progress: 2 }, { progress: 3 }])
  })
})

describe('a canceled goal', () => {
  test('has a partial result, if its handler leaves one', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async function* (_, { signal }) {
      for (let progress = 0; ; progress++) {
        if (signal.aborted) return { seconds: 0.5 }
        yield { progress }
        await delay(1)
      }
    })
    const goal = await desk.client(Move)({ x: 1 })
    for await (const { progress } of goal) if (progress >= 2) break
    await goal.cancel()
    expect(goal.status).toBe(GoalStatus.CANCELED)
    await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_CANCELED', result: { seconds: 0.5 } })
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.CANCELED, result: { seconds: 0.5 } })
    await goal.cancel()
  })

  test('may be ended by the abort itself, or by what libraries make of it', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, async ({ x }, { signal }) => {
      await (x === 1 ? aborted(signal) : delay(60_000, undefined, { signal }))
      return { seconds: 1 }
    })
    for (const x of [1, 2]) {
      const goal = await desk.client(Move)({ x })
      await begun(goal)
      await goal.cancel()
      expect(await goal.outcome).toMatchObject({ status: GoalStatus.CANCELED, result: undefined })
    }
    expect(robot.errors).toEqual([])
  })

  test('is aborted if its handler fails meanwhile', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) =>
      aborted(signal).catch(() => {
        throw new TypeError('cannot even stop')
      }),
    )
    const goal = await desk.client(Move)({ x: 1 })
    await begun(goal)
    await goal.cancel()
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.ABORTED })
    expect(robot.errors).toMatchObject([{ name: 'TypeError' }])
  })

  test('does not wait for a handler that ignores its signal', async () => {
    const { robot, desk } = await openPair()
    const late = gate()
    await robot.serve(
      Move,
      async ({ x }, { feedback }) => {
        if (x === 1) await late.opened
        await feedback({ progress: x })
        return { seconds: x }
      },
      { cancelGrace: 50 },
    )
    const move = desk.client(Move)
    const heard = vi.fn()
    const goal = await move({ x: 1 }, { onFeedback: heard })
    await begun(goal)
    const start = performance.now()
    await goal.cancel()
    expect(performance.now() - start).toBeGreaterThan(45)
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.CANCELED, result: undefined })
    expect(robot.errors).toMatchObject([{ code: 'HANDLER_TIMEOUT' }])
    // The next goal may run, and what the first one still says is dropped.
    expect(await (await move({ x: 2 })).result).toEqual({ seconds: 2 })
    late.open()
    await delay(5)
    const again = await move.attach(goal.id)
    expect(await again.outcome).toMatchObject({ status: GoalStatus.CANCELED, result: undefined })
    expect(heard).not.toHaveBeenCalled()
  })

  test('ends a generator that ignores its signal at its next yield', async () => {
    const { robot, desk } = await openPair()
    const left = gate()
    await robot.serve(
      Move,
      async function* () {
        try {
          for (let progress = 0; ; progress++) {
            yield { progress }
            await delay(1)
          }
        } finally {
          left.open()
        }
      },
      { cancelGrace: 20 },
    )
    const goal = await desk.client(Move)({ x: 1 })
    await begun(goal)
    await goal.cancel()
    await left.opened
    expect(goal.status).toBe(GoalStatus.CANCELED)
  })

  test('need not be granted', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    const serve = async () => {
      await end.opened
      return { seconds: 1 }
    }
    await robot.serve(Move, serve, { cancelable: false })
    const goal = await desk.client(Move)({ x: 1 })
    await expect(goal.cancel()).rejects.toMatchObject({
      code: 'GOAL_REJECTED',
      message: "goals of 'robot.move' cannot be canceled",
    })
    end.open()
    await goal.result
    await goal.cancel()
  })

  test('is canceled by its signal', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const abort = new AbortController()
    const goal = await desk.client(Move)({ x: 1 }, { signal: abort.signal })
    abort.abort()
    await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_CANCELED' })
  })

  test('is canceled by leaving its scope', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const goal = await desk.client(Move)({ x: 1 })
    await goal[Symbol.asyncDispose]()
    expect(goal.status).toBe(GoalStatus.CANCELED)
    await goal[Symbol.asyncDispose]()
  })
})

describe('policies', () => {
  test('queue lets goals wait in order, and drops one that is canceled', async () => {
    const { robot, desk } = await openPair()
    const order: number[] = []
    const first = gate()
    await robot.serve(
      Move,
      async ({ x }) => {
        if (x === 1) await first.opened
        order.push(x)
        return { seconds: x }
      },
      { policy: 'queue' },
    )
    const move = desk.client(Move)
    const goals = [await move({ x: 1 }), await move({ x: 2 }), await move({ x: 3 }), await move({ x: 4 })]
    expect(goals[2]?.status).toBe(GoalStatus.ACCEPTED)
    await goals[2]?.cancel()
    expect(goals[2]?.status).toBe(GoalStatus.CANCELED)
    first.open()
    await Promise.all(goals.map(goal => goal.outcome))
    expect(order).toEqual([1, 2, 4])
  })

  test('preempt makes room for the newest goal', async () => {
    const { robot, desk } = await openPair()
    let running = 0
    let most = 0
    await robot.serve(
      Move,
      async ({ x }, { signal }) => {
        most = Math.max(most, ++running)
        try {
          if (x < 3) await aborted(signal)
        } finally {
          await delay(2)
          running--
        }
        return { seconds: x }
      },
      { policy: 'preempt' },
    )
    const move = desk.client(Move)
    const goals = [await move({ x: 1 }), await move({ x: 2 }), await move({ x: 3 })]
    const outcomes = await Promise.all(goals.map(goal => goal.outcome))
    expect(outcomes).toMatchObject([{ status: 6 }, { status: 6 }, { status: 4, result: { seconds: 3 } }])
    expect(outcomes[0]?.error).toMatchObject({ message: expect.stringContaining('preempted by a newer goal') })
    expect(most).toBe(1)
  })

  test('parallel runs goals side by side up to its limit', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    const handler = async ({ x }: { x: number }) => {
      await end.opened
      return { seconds: x }
    }
    await robot.serve(Move, handler, { policy: 'parallel', limit: 3 })
    const move = desk.client(Move)
    const goals = await Promise.all([1, 2, 3].map(x => move({ x })))
    await expect(move({ x: 4 })).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    end.open()
    expect(await Promise.all(goals.map(goal => goal.result))).toEqual([1, 2, 3].map(seconds => ({ seconds })))
  })

  test.each([
    [{ policy: 'fifo' as never }, 'policy'],
    [{ limit: 0 }, 'limit'],
    [{ retain: { count: 0 } }, 'retain.count'],
    [{ cancelGrace: -1 }, 'cancelGrace'],
    [{ polices: 'queue' } as never, 'polices'],
  ])('refuse %j', async (options, named) => {
    const { robot } = await openPair()
    const serving = robot.serve(Move, () => ({ seconds: 1 }), options)
    await expect(serving).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(named) })
    expect(robot.ports).toEqual([])
  })
})

describe("a client's own id", () => {
  test('makes a repeated send the same goal', async () => {
    const { robot, desk } = await openPair()
    const handler = vi.fn(async ({ x }: { x: number }) => {
      await delay(10)
      return { seconds: x }
    })
    await robot.serve(Move, handler)
    const move = desk.client(Move)
    const goals = [await move({ x: 1 }, { id: 'home' }), await move({ x: 1 }, { id: 'home' })]
    expect(await Promise.all(goals.map(goal => goal.result))).toEqual([{ seconds: 1 }, { seconds: 1 }])
    // And when it is over.
    expect(await (await move({ x: 9 }, { id: 'home' })).result).toEqual({ seconds: 1 })
    expect(handler).toHaveBeenCalledTimes(1)
    expect(goals.map(goal => goal.id)).toEqual(['home', 'home'])
  })

  test('must be one', async () => {
    const { desk } = await openPair()
    await expect(desk.client(Move)({ x: 1 }, { id: 'a b' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('finds a goal again, from anywhere', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    await robot.serve(Move, async function* () {
      yield { progress: 1 }
      await end.opened
      yield { progress: 2 }
      return { seconds: 7 }
    })
    const goal = await desk.client(Move)({ x: 1 }, { id: 'tour' })
    await begun(goal)
    const found = await robot.client(Move).attach('tour')
    expect(found.status).toBe(GoalStatus.EXECUTING)
    end.open()
    expect(await found.result).toEqual({ seconds: 7 })
    expect(await collect(found)).toEqual([{ progress: 2 }])
    const kept = await desk.client(Move).attach('tour')
    expect(await kept.outcome).toEqual({ status: GoalStatus.SUCCEEDED, result: { seconds: 7 } })
    await expect(desk.client(Move).attach('tower')).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
  })

  test('is forgotten in time, and before that kept for its client, however many there are', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, () => ({ seconds: 1 }), { retain: { time: 1500, count: 2 } })
    const move = desk.client(Move)
    for (const id of ['a', 'b', 'c', 'd']) await (await move({ x: 1 }, { id })).result
    // Their clients might only now be asking.
    await move.attach('a')
    await delay(1600)
    await expect(move.attach('a')).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
    await expect(move.attach('d')).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
  })
})

describe('closing', () => {
  test('a service gives up what runs and what waits, and tells', async () => {
    const { robot, desk } = await openPair()
    const service = await robot.serve(Move, (_, { signal }) => aborted(signal), { policy: 'queue' })
    const move = desk.client(Move)
    const goals = [await move({ x: 1 }), await move({ x: 2 })]
    await service.close()
    for (const goal of goals) {
      expect(await goal.outcome).toMatchObject({
        status: GoalStatus.ABORTED,
        error: { code: 'GOAL_ABORTED', cause: { code: 'CLOSED' } },
      })
    }
    expect(robot.ports).toEqual([])
    await expect(move({ x: 3 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    await service.close()
  })

  test('a node with a grace lets what runs finish, and no more', async () => {
    const { robot, desk } = await openPair()
    const ran: number[] = []
    await robot.serve(
      Move,
      async ({ x }) => {
        ran.push(x)
        await delay(50)
        return { seconds: x }
      },
      { policy: 'queue' },
    )
    const move = desk.client(Move)
    const goals = [await move({ x: 1 }), await move({ x: 2 })]
    await vi.waitFor(() => expect(ran).toEqual([1]))
    await robot.close({ grace: 5000 })
    expect(await goals[0]?.result).toEqual({ seconds: 1 })
    expect(await goals[1]?.outcome).toMatchObject({ status: GoalStatus.ABORTED })
    expect(ran).toEqual([1])
  })

  test('a node without a grace aborts what runs, and its clients hear of it', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const goal = await desk.client(Move)({ x: 1 })
    await robot.close()
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.ABORTED, error: { cause: { code: 'CLOSED' } } })
  })

  test('a node that is stopped takes no goals, and goes on with those it has', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    const handler = async () => {
      await end.opened
      return { seconds: 1 }
    }
    await robot.serve(Move, handler, { policy: 'parallel' })
    const move = desk.client(Move)
    const goal = await move({ x: 1 })
    await robot.stop()
    await expect(move({ x: 2 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    end.open()
    expect(await goal.result).toEqual({ seconds: 1 })
    await robot.start()
    expect(await (await move({ x: 3 })).result).toEqual({ seconds: 1 })
  })

  test('a client ends what it follows, but no goal', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    await robot.serve(Move, async () => {
      await end.opened
      return { seconds: 1 }
    })
    const move = desk.client(Move)
    const goal = await move({ x: 1 }, { id: 'left' })
    await move.close()
    await move.close()
    await expect(goal.result).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(move({ x: 2 })).rejects.toMatchObject({ code: 'CLOSED' })
    expect(desk.ports).toEqual([])
    end.open()
    expect(await (await desk.client(Move).attach('left')).result).toEqual({ seconds: 1 })
  })

  test('a node ends the clients of its goals', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const goal = await desk.client(Move)({ x: 1 })
    await desk.close()
    const error = await goal.result.catch(error => error)
    expect(error).toBeInstanceOf(CommlibError)
    expect(error.code).toBe('CLOSED')
    await expect(desk.client(Move)({ x: 1 })).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('leaves one port an action, however many clients were made', async () => {
    const { robot, desk } = await openPair()
    await robot.serve(Move, () => ({ seconds: 1 }))
    for (let i = 0; i < 5; i++) await (await desk.client(Move)({ x: 1 })).result
    expect(desk.ports).toMatchObject([{ kind: 'action-client', name: 'robot.move', messages: 5, errors: 0 }])
    expect(robot.ports).toMatchObject([{ kind: 'action-service', name: 'robot.move', messages: 5, errors: 0 }])
  })
})
