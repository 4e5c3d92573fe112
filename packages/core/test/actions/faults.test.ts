import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { GoalStatus, memory, type TransportStatus } from '../../src/index.ts'
import { aborted, begun, faulty, freshHub, gate, Move, openNode, openPair } from './fixtures.ts'

describe('a goal whose status is lost', () => {
  test('is asked after within a second or so', async () => {
    const hub = freshHub()
    const robot = await openNode(faulty(hub, { publish: topic => !topic.endsWith('.status') }))
    const desk = await openNode(hub)
    await robot.serve(Move, ({ x }) => ({ seconds: x }))
    const goal = await desk.client(Move)({ x: 1 })
    const start = performance.now()
    expect(await goal.result).toEqual({ seconds: 1 })
    expect(performance.now() - start).toBeGreaterThan(900)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  test('is asked after less and less while it runs', async () => {
    const hub = freshHub()
    const asked: number[] = []
    const robot = await openNode(hub)
    const end = gate()
    const onAsk = (queue: string) => {
      if (queue.endsWith('.get_result')) asked.push(performance.now())
      return true
    }
    const desk = await openNode(faulty(hub, { push: onAsk }))
    await robot.serve(Move, async () => {
      await end.opened
      return { seconds: 1 }
    })
    const goal = await desk.client(Move)({ x: 1 })
    await delay(3500)
    expect(asked).toHaveLength(2)
    expect(Number(asked[1]) - Number(asked[0])).toBeGreaterThan(1900)
    end.open()
    await goal.result
  })

  test('is asked after at once when the connection is back', async () => {
    const hub = freshHub()
    let tell: (status: TransportStatus) => void = () => {}
    const transport = memory(hub)
    const robot = await openNode(faulty(hub, { publish: topic => !topic.endsWith('.status') }))
    const desk = await openNode({
      ...transport,
      connect: options => {
        tell = status => options?.onStatus?.(status)
        return transport.connect(options)
      },
    })
    const ran = gate()
    await robot.serve(Move, () => {
      ran.open()
      return { seconds: 1 }
    })
    const goal = await desk.client(Move)({ x: 1 })
    await ran.opened
    await delay(10)
    expect(goal.status).toBe(GoalStatus.ACCEPTED)
    const start = performance.now()
    tell({ type: 'disconnected' })
    tell({ type: 'connected' })
    await goal.result
    expect(performance.now() - start).toBeLessThan(800)
  })

  test('is not ended by the silence of a connection that is down', async () => {
    const { robot, desk } = await openPair()
    const end = gate()
    const service = await robot.serve(Move, async () => {
      await end.opened
      return { seconds: 1 }
    })
    const goal = await desk.client(Move)({ x: 1 })
    await robot.stop()
    await delay(1200)
    expect(goal.status).toBe(GoalStatus.EXECUTING)
    end.open()
    await goal.result
    await service.close()
  })
})

describe('a service that starts again', () => {
  test('aborts the goals that it no longer knows', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    // Dies without a word: what it sends when it is closed is lost.
    let dead = false
    const robot = await openNode(faulty(hub, { publish: () => !dead, push: () => !dead }))
    const service = await robot.serve(Move, (_, { signal }) => aborted(signal))
    const goal = await desk.client(Move)({ x: 1 })
    await begun(goal)
    dead = true
    await service.close()
    const next = await openNode(hub)
    await next.serve(Move, () => ({ seconds: 1 }))
    expect(await goal.outcome).toMatchObject({
      status: GoalStatus.ABORTED,
      error: { code: 'GOAL_ABORTED', cause: { code: 'GOAL_UNKNOWN' } },
    })
  })
})

describe('a send whose answer is lost', () => {
  test('can be repeated with the same id', async () => {
    const hub = freshHub()
    let lossy = true
    // Neither the answer nor a status arrives.
    const robot = await openNode(faulty(hub, { push: () => !lossy, publish: () => !lossy }))
    const desk = await openNode(hub)
    const handler = vi.fn(async () => {
      await delay(200)
      return { seconds: 5 }
    })
    await robot.serve(Move, handler)
    const move = desk.client(Move)
    await expect(move({ x: 1 }, { id: 'once', timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    lossy = false
    expect(await (await move({ x: 1 }, { id: 'once' })).result).toEqual({ seconds: 5 })
    expect(handler).toHaveBeenCalledTimes(1)
  })

  test('succeeds if the service was heard of', async () => {
    const hub = freshHub()
    const isAnswer = (queue: string) => queue.startsWith('rpc-')
    let lossy = true
    const robot = await openNode(faulty(hub, { push: queue => !(lossy && isAnswer(queue)) }))
    const desk = await openNode(hub)
    await robot.serve(Move, async () => {
      await delay(150)
      return { seconds: 5 }
    })
    const goal = await desk.client(Move)({ x: 1 }, { timeout: 100 })
    lossy = false
    expect(await goal.result).toEqual({ seconds: 5 })
  })

  test('leaves no goal that nobody can find', async () => {
    const hub = freshHub()
    let lossy = true
    const robot = await openNode(faulty(hub, { push: () => !lossy, publish: () => !lossy }))
    const desk = await openNode(hub)
    const stopped = gate<unknown>()
    await robot.serve(Move, (_, { signal }) =>
      aborted(signal).catch(reason => {
        stopped.open(reason)
        throw reason
      }),
    )
    await expect(desk.client(Move)({ x: 1 }, { timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    lossy = false
    expect(await stopped.opened).toMatchObject({ code: 'GOAL_CANCELED' })
  })

  test('cancels the goal if its client has given up meanwhile', async () => {
    const hub = freshHub()
    const answer = gate<boolean>()
    const taken = gate()
    const robot = await openNode(
      faulty(hub, {
        push: () => {
          taken.open()
          return answer.opened
        },
      }),
    )
    const desk = await openNode(hub)
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const abort = new AbortController()
    const sending = desk.client(Move)({ x: 1 }, { id: 'idea', signal: abort.signal })
    await taken.opened
    abort.abort('never mind')
    await expect(sending).rejects.toBe('never mind')
    answer.open(true)
    const found = await desk.client(Move).attach('idea')
    expect(await found.outcome).toMatchObject({ status: GoalStatus.CANCELED })
  })

  test('does not keep a goal from its turn', async () => {
    const hub = freshHub()
    const robot = await openNode(faulty(hub, { push: () => new Promise(() => {}) }))
    const desk = await openNode(hub)
    const ran = gate()
    await robot.serve(Move, () => {
      ran.open()
      return { seconds: 1 }
    })
    const sending = desk.client(Move)({ x: 1 }, { timeout: 3000 })
    await ran.opened
    await sending
  })
})

describe('an abort that the service does not answer', () => {
  test('ends the goal with its reason', async () => {
    const hub = freshHub()
    const robot = await openNode(hub)
    const desk = await openNode(
      faulty(hub, {
        push: queue => {
          if (queue.endsWith('.cancel_goal')) throw new Error('the line is cut')
          return true
        },
      }),
    )
    await robot.serve(Move, (_, { signal }) => aborted(signal))
    const abort = new AbortController()
    const goal = await desk.client(Move)({ x: 1 }, { signal: abort.signal })
    abort.abort('enough')
    await expect(goal.result).rejects.toBe('enough')
    expect(await goal.outcome).toMatchObject({ error: { message: 'enough' } })
    expect(desk.errors).toMatchObject([{ message: 'the line is cut' }])
  })
})

describe('a goal whose service is gone', () => {
  test('ends as ABORTED, but not before a service had time to come back', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    let killed = false
    // Nothing is told on the way out, as when a process is killed.
    const alive = () => !killed
    const robot = await openNode(faulty(hub, { publish: alive, push: alive }))
    await robot.serve(Move, () => new Promise<{ seconds: number }>(() => {}), { cancelGrace: 0 })
    const goal = await desk.client(Move, { serviceTimeout: 1500 })({ x: 1 })
    killed = true
    await robot.close()
    const start = performance.now()
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.ABORTED, error: { cause: { code: 'NO_SERVICE' } } })
    expect(performance.now() - start).toBeGreaterThan(1400)
  })
})
