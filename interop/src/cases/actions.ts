import { GoalStatus, type Node } from '@commlib/core'
import { expect } from 'vitest'
import type { Bench, Case } from '../bench.ts'
import { gate, moveOf } from '../contracts.ts'

/** A goal of ours that a Python service works on, and the client that sent it. */
async function underWay({ peer, node, name }: Bench, what: 'count' | 'until_canceled' | 'fall') {
  const { client } = await node()
  await peer.do('serve_action', { name, what })
  const move = client(moveOf(name))
  return { move, goal: await move({ target: 3 }) }
}

/** Serves goals that count to their target, each step when the test says so, and end when they are canceled. */
async function serveCounting({ serve }: Node, name: string, step: Promise<void>): Promise<void> {
  await serve(moveOf(name), async function* ({ target }, { signal }) {
    let reached = 0
    const canceled = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    while (reached < target && !signal.aborted) {
      yield { at: ++reached }
      await Promise.race([step, canceled])
    }
    return { reached }
  })
}

export const actions = {
  goalToPython: {
    from: 'ours',
    title: 'sends a goal to an action service in Python, follows its feedback and gets its result',
    wire: 'each',
    run: async bench => {
      const { goal } = await underWay(bench, 'count')
      const feedback: unknown[] = []
      const reading = (async () => {
        for await (const { at } of goal) {
          feedback.push(at)
          if (at === 1) await bench.peer.do('go')
        }
      })()
      expect(await goal.result).toEqual({ reached: 3 })
      await reading
      expect(feedback).toEqual([1, 2, 3])
      expect(goal.status).toBe(GoalStatus.SUCCEEDED)
    },
  },

  cancelToPython: {
    from: 'ours',
    title: 'cancels a goal of an action service in Python, and gets the partial result',
    wire: 'each',
    run: async bench => {
      const { goal } = await underWay(bench, 'until_canceled')
      await bench.peer.news('goal')
      await goal.cancel()
      expect(await bench.peer.news('ended')).toMatchObject({ canceled: true })
      expect(await goal.outcome).toMatchObject({ status: GoalStatus.CANCELED, result: { reached: 1 } })
      await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_CANCELED' })
    },
    limit: async bench => {
      const { goal } = await underWay(bench, 'until_canceled')
      await bench.peer.news('goal')
      // On Redis it answers with nothing.
      const code = bench.broker === 'redis' ? 'GOAL_REJECTED' : 'TIMEOUT'
      await expect(goal.cancel({ timeout: 500 })).rejects.toMatchObject({ code })
      expect(bench.peer.pending('ended')).toEqual([])
    },
  },

  secondGoalToPython: {
    from: 'ours',
    title: 'is told that an action service in Python takes no second goal while one runs',
    wire: 'each',
    run: async bench => {
      const { goal, move } = await underWay(bench, 'count')
      await expect(move({ target: 1 })).rejects.toMatchObject({
        code: 'GOAL_REJECTED',
        message: expect.stringContaining(goal.id),
      })
      await bench.peer.do('go')
      expect(await goal.result).toEqual({ reached: 3 })
    },
    limit: async bench => {
      const { goal, move } = await underWay(bench, 'until_canceled')
      const second = await move({ target: 1 })
      // It runs the first goal a second time.
      expect(second.id).toBe(goal.id)
      const runs = [await bench.peer.news('goal'), await bench.peer.news('goal')]
      expect(runs).toMatchObject([
        { id: goal.id, data: { target: 3 } },
        { id: goal.id, data: { target: 3 } },
      ])
    },
  },

  failingGoalToPython: {
    from: 'ours',
    title: 'sees a goal as aborted whose handler in Python raised',
    wire: 'own',
    run: async bench => {
      const { goal } = await underWay(bench, 'fall')
      await bench.peer.news('goal')
      await bench.peer.do('go')
      const raised = performance.now()
      await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_ABORTED' })
      // All that tells is that the service gives no result of a goal that it calls a success.
      expect(performance.now() - raised).toBeLessThan(6000)
    },
    limit: async bench => {
      const { goal } = await underWay(bench, 'fall')
      await bench.peer.news('goal')
      await bench.peer.do('go')
      // It has succeeded, with the defaults of its result's type.
      expect(await goal.result).toEqual({ reached: 0 })
    },
  },

  goalFromPython: {
    from: 'python',
    title: 'sends a goal to an action service of ours, follows its feedback and gets its result',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const step = gate()
      await serveCounting(await node(), name, step.opened)
      await peer.do('action_client', { name })
      expect(await peer.do('send_goal', { name, goal: { target: 3 } })).toMatchObject({ status: 1 })
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 1 } })
      step.open()
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 2 } })
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 3 } })
      expect(await peer.news('reached')).toMatchObject({ data: { reached: 3 } })
      expect(await peer.news('result')).toMatchObject({ data: { reached: 3 } })
      // Not before: it would fetch the result twice at once, with one client, which has one place for an answer.
      expect(await peer.do('get_result', { name })).toEqual({ reached: 3 })
    },
  },

  quickGoalFromPython: {
    from: 'python',
    title: 'misses neither feedback nor end of a goal of ours that is over at once',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      await serveCounting(await node(), name, Promise.resolve())
      await peer.do('action_client', { name })
      await peer.do('send_goal', { name, goal: { target: 2 } })
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 1 } })
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 2 } })
      expect(await peer.news('reached')).toMatchObject({ data: { reached: 2 } })
    },
  },

  cancelFromPython: {
    from: 'python',
    title: 'cancels a goal of an action service of ours, and gets the partial result',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      await serveCounting(await node(), name, new Promise(() => {}))
      await peer.do('action_client', { name })
      await peer.do('send_goal', { name, goal: { target: 3 } })
      expect(await peer.news('feedback')).toMatchObject({ data: { at: 1 } })
      await peer.do('cancel_goal', { name })
      expect(await peer.news('result')).toMatchObject({ data: { reached: 1 } })
      expect(peer.pending('reached')).toEqual([])
    },
  },

  secondGoalFromPython: {
    from: 'python',
    title: 'is told that an action service of ours takes no second goal while one runs',
    wire: 'own',
    run: async ({ peer, node, name, version }) => {
      const step = gate()
      await serveCounting(await node(), name, step.opened)
      await peer.do('action_client', { name })
      await peer.do('send_goal', { name, goal: { target: 1 } })
      const answer = await peer.do('send_goal', { name, goal: { target: 1 } })
      expect(answer).toMatchObject({ status: 0, goal_id: '' })
      // Only from 0.13 on has it a place for the reason.
      if (version.startsWith('0.13')) expect(answer).toMatchObject({ error: expect.stringMatching(/./) })
      step.open()
    },
  },

  failingGoalFromPython: {
    from: 'python',
    title: 'sees a goal as aborted, without a result, whose handler of ours threw',
    wire: 'own',
    tells: true,
    run: async ({ peer, node, name }) => {
      const { serve } = await node()
      const sent = gate()
      await serve(moveOf(name), async () => {
        await sent.opened
        throw new RangeError('too far')
      })
      await peer.do('action_client', { name })
      await peer.do('send_goal', { name, goal: { target: 1 } })
      // Not before: that a client may be too slow for a goal that is over at once is a case of its own.
      sent.open()
      // An empty result is one that has the defaults of its type.
      expect(await peer.news('result')).toMatchObject({ data: { reached: 0 } })
      expect(peer.pending('reached')).toEqual([])
    },
  },
} satisfies Record<string, Case>
