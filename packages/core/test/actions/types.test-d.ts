import Type from 'typebox'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type ActionClient,
  action,
  createActionClient,
  createActionService,
  type GoalContext,
  type GoalError,
  type GoalHandle,
  type GoalOutcome,
  GoalStatus,
  type Node,
  type Subscription,
  type Transport,
} from '../../src/index.ts'

const Move = action('robot.move', {
  goal: Type.Object({ x: Type.Number(), fast: Type.Optional(Type.Boolean()) }),
  feedback: Type.Object({ progress: Type.Number() }),
  result: Type.Object({ seconds: Type.Number() }),
})

interface Goal {
  x: number
  fast?: boolean
}

declare const node: Node
declare const transport: Transport

describe('an action', () => {
  test('gives its handler the goal, and takes feedback and a result', () => {
    void node.serve(Move, async function* (goal, context) {
      expectTypeOf(goal).toExtend<Goal>()
      expectTypeOf(goal.fast).toEqualTypeOf<boolean | undefined>()
      expectTypeOf(context).toEqualTypeOf<GoalContext<{ progress: number }>>()
      yield { progress: 1 }
      return { seconds: 1 }
    })
    void node.serve(
      Move,
      ({ x }, { feedback, signal, id, description }) => {
        expectTypeOf(feedback).toEqualTypeOf<(feedback: { progress: number }) => Promise<void>>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        expectTypeOf(id).toEqualTypeOf<string>()
        expectTypeOf(description).toEqualTypeOf<string>()
        return { seconds: x }
      },
      { policy: 'queue', retain: { time: 1000 } },
    )
    expectTypeOf(
      createActionService(transport, Move, async () => ({ seconds: 1 })),
    ).resolves.toEqualTypeOf<Subscription>()
  })

  test('refuses what does not fit', () => {
    // @ts-expect-error a result must fit
    void node.serve(Move, async () => ({ minutes: 1 }))
    // @ts-expect-error feedback must fit
    void node.serve(Move, async function* () {
      yield { percent: 1 }
      return { seconds: 1 }
    })
    void node.serve(Move, async (_, { feedback }) => {
      // @ts-expect-error feedback must fit
      await feedback({ percent: 1 })
      return { seconds: 1 }
    })
    // @ts-expect-error options are those of an action
    void node.serve(Move, async () => ({ seconds: 1 }), { concurrency: 2 })
    // @ts-expect-error a policy is one of four
    void node.serve(Move, async () => ({ seconds: 1 }), { policy: 'fifo' })
    // @ts-expect-error a goal must fit
    void node.client(Move)({ y: 1 })
  })

  test('gives its client feedback and a result', async () => {
    const move = node.client(Move)
    expectTypeOf(move).toEqualTypeOf(createActionClient(transport, Move))
    const goal = await move({ x: 1 }, { onFeedback: ({ progress }) => expectTypeOf(progress).toEqualTypeOf<number>() })
    for await (const feedback of goal) expectTypeOf(feedback).toEqualTypeOf<{ progress: number }>()
    expectTypeOf(await goal.result).toEqualTypeOf<{ seconds: number }>()
    expectTypeOf(goal.status).toEqualTypeOf<GoalStatus>()
    expectTypeOf(await move.attach('id')).toEqualTypeOf<GoalHandle<{ progress: number }, { seconds: number }>>()
  })

  test('has an outcome that is a result or an error', async () => {
    const goal = await node.client(Move)({ x: 1 })
    const outcome = await goal.outcome
    expectTypeOf(outcome).toEqualTypeOf<GoalOutcome<{ seconds: number }>>()
    if (outcome.error === undefined) {
      expectTypeOf(outcome.result).toEqualTypeOf<{ seconds: number }>()
      expectTypeOf(outcome.status).toEqualTypeOf<4>()
    } else {
      expectTypeOf(outcome.error).toEqualTypeOf<Error>()
      expectTypeOf(outcome.result).toEqualTypeOf<{ seconds: number } | undefined>()
    }
    expectTypeOf<GoalError<{ seconds: number }>['result']>().toEqualTypeOf<{ seconds: number } | undefined>()
  })

  test('needs no schema', () => {
    const Dance = action<{ song: string }, { beat: number }, { applause: boolean }>('robot.dance')
    expectTypeOf(node.client(Dance)).toEqualTypeOf<
      ActionClient<{ song: string }, { beat: number }, { applause: boolean }>
    >()
  })

  test('has statuses that are numbers of the wire', () => {
    expectTypeOf(GoalStatus.NONE).toEqualTypeOf<0>()
    expectTypeOf(GoalStatus.CANCELED).toEqualTypeOf<6>()
    expectTypeOf<GoalStatus>().toEqualTypeOf<0 | 1 | 2 | 3 | 4 | 5 | 6>()
  })
})
