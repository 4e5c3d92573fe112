import { failureOf } from '../endpoints/rpc-service.ts'
import { type RemoteFailure, toError } from '../errors.ts'

/** What a goal's handler is told beside the goal, and what it can tell. */
export interface GoalContext<Feedback> {
  readonly id: string

  /** Aborts when the goal is canceled or preempted, or the service closes. */
  readonly signal: AbortSignal

  /** What the client says of this goal, for people. */
  readonly description: string

  /**
   * Tells the client how it goes, from wherever: a generator may as well `yield`. Resolves when it is on its way, and
   * rejects if it does not fit its schema, which `onError` is told too: it need not be awaited.
   *
   * commlib-py: `GoalHandler.send_feedback`.
   */
  feedback(feedback: Feedback): Promise<void>
}

/**
 * Works towards a goal: an async generator that yields feedback and returns the result, or a function that calls
 * `feedback(…)`.
 *
 * When the signal aborts, it throws, or returns as far as it came: a partial result goes to the client with `CANCELED`.
 *
 * commlib-py: `on_goal`; `cancel_event` is `signal`.
 */
export type GoalHandler<Goal, Feedback, Result> = (
  goal: Goal,
  context: GoalContext<Feedback>,
) => AsyncGenerator<Feedback, Result, unknown> | Promise<Result> | Result

/** How a handler settled. */
export type Settled =
  | { readonly type: 'returned'; readonly result: unknown }
  | {
      readonly type: 'threw'
      readonly error: RemoteFailure
      readonly aborted: boolean

      /** What nobody expected. */
      readonly fault?: unknown
    }

/** A handler at work. */
export interface GoalRun {
  /** Never rejects. */
  readonly settled: Promise<Settled>

  /** Ends a generator at its next `yield`. A function can only be left alone. */
  end(): void
}

export interface GoalRunOptions<Feedback> {
  /** Sends what a generator yields. */
  readonly feedback: (feedback: Feedback) => Promise<void>

  /** Makes of what the handler returned what is sent. */
  readonly check: (result: unknown) => unknown
}

export function runGoal<Goal, Feedback, Result>(
  handler: GoalHandler<Goal, Feedback, Result>,
  goal: Goal,
  context: GoalContext<Feedback>,
  { feedback, check }: GoalRunOptions<Feedback>,
): GoalRun {
  const { signal } = context
  let steps: AsyncGenerator<Feedback, Result, unknown> | undefined

  const work = async (): Promise<Settled> => {
    let result: unknown
    try {
      const working = handler(goal, context)
      steps = isGenerator(working) ? (working as AsyncGenerator<Feedback, Result, unknown>) : undefined
      result = steps === undefined ? await working : await walk(steps, feedback)
    } catch (thrown) {
      const aborted = signal.aborted && isAbort(thrown, signal)
      return { type: 'threw', error: failureOf(thrown), aborted, ...(aborted ? {} : { fault: thrown }) }
    }
    // A handler that was stopped need not have a result.
    if (signal.aborted && result === undefined) return { type: 'returned', result }
    try {
      return { type: 'returned', result: await check(result) }
    } catch (fault) {
      return { type: 'threw', error: failureOf(fault), aborted: signal.aborted, fault }
    }
  }

  return {
    settled: work(),
    end: () => {
      // Its result would be late anyway; what it throws on its way out is what `settled` tells.
      steps?.return(undefined as Result).catch(() => {})
    },
  }
}

/** Goes on after an abort: the handler decides where it stops, and may still have a partial result. */
async function walk<Feedback, Result>(
  steps: AsyncGenerator<Feedback, Result, unknown>,
  feedback: (feedback: Feedback) => Promise<void>,
): Promise<Result> {
  let step = await steps.next()
  while (!step.done) {
    const failed = await feedback(step.value).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    // As if the `yield` had thrown, so that the handler can clean up.
    step = failed === undefined ? await steps.next() : await steps.throw(failed.error)
  }
  return step.value
}

function isGenerator(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'next' in value
}

/** The abort itself, or what the libraries make of it. */
function isAbort(thrown: unknown, { reason }: AbortSignal): boolean {
  if (thrown === reason) return true
  const { name, cause } = toError(thrown)
  return name === 'AbortError' || cause === reason
}
