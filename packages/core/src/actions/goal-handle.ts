import type { CallOptions } from '../util/abort.ts'
import type { GoalOutcome } from './goal-error.ts'
import type { GoalStatus } from './goal-machine.ts'

/** A goal under way: iterate it for feedback, await its result. */
export interface GoalHandle<Feedback, Result> extends AsyncIterable<Feedback>, AsyncDisposable {
  readonly id: string

  /** Where the goal stands now. It is final as soon as the result is there. */
  readonly status: GoalStatus

  /**
   * The result, or a rejection: with a `GoalError` of code `GOAL_CANCELED` or `GOAL_ABORTED`, which carries a partial
   * result and, as its cause, what the handler threw. It need not be awaited.
   *
   * commlib-py: `get_result(wait=True)`.
   */
  readonly result: Promise<Result>

  /** How it ended, result or error. Never rejects. */
  readonly outcome: Promise<GoalOutcome<Result>>

  /**
   * Resolves when the goal is over: canceled, unless it ended otherwise at the same time. Rejects with `GOAL_REJECTED` if
   * the service does not cancel it.
   *
   * commlib-py: `cancel_goal`.
   */
  cancel(options?: CallOptions): Promise<void>

  /**
   * Feedback as it comes, what came before the loop included. It ends with the goal. Leaving the loop does not cancel
   * anything, and another loop goes on.
   */
  [Symbol.asyncIterator](): AsyncIterator<Feedback>

  /** Cancels the goal, unless it is over. */
  [Symbol.asyncDispose](): Promise<void>
}
