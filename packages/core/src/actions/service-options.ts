import type { BoardOptions, GoalPolicy } from './goal-board.ts'

/** Options of an action service. */
export interface ActionServiceOptions {
  /**
   * What becomes of a goal that arrives while as many run as may: `reject` it, `queue` it until its turn comes, or
   * `preempt` the oldest one. `parallel` runs several, and rejects those beyond its limit.
   *
   * @default 'reject'
   */
  readonly policy?: GoalPolicy | undefined

  /**
   * Goals that run at the same time.
   *
   * @default 1, and 16 for `parallel`
   */
  readonly limit?: number | undefined

  /**
   * Goals that wait under the policy `queue`; one more is rejected.
   *
   * @default 100
   */
  readonly maxQueued?: number | undefined

  /** How long, and how many, results are kept for clients to fetch. */
  readonly retain?: RetainOptions | undefined

  /**
   * Milliseconds that a handler has after its signal aborted. Then its goal is over, as if it had thrown: whoever cancels
   * has an answer, and the next goal may start, whatever the handler still does. commlib-py's clients wait 10 seconds.
   *
   * @default 5_000
   */
  readonly cancelGrace?: number | undefined

  /**
   * Whether clients may cancel. Preempting and closing are up to the service.
   *
   * @default true
   */
  readonly cancelable?: boolean | undefined

  /** Closes the service when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/** What is kept of goals that are over. */
export interface RetainOptions {
  /** Milliseconds. @default 60_000 */
  readonly time?: number | undefined

  /** Results; more are kept for ten seconds, so that whoever waits for one can fetch it. @default 100 */
  readonly count?: number | undefined
}

/**
 * Milliseconds that the clients of goals that end together have for fetching their results, however many they are. A busy
 * broker may take seconds to tell them of the end, since topics and calls need not come in one order.
 */
const FETCH_TIME = 10_000

/** Fills in the defaults. */
export function boardOptions(options: ActionServiceOptions): BoardOptions {
  const { policy = 'reject', limit = policy === 'parallel' ? 16 : 1, maxQueued = 100, retain = {} } = options
  const { time: retainTime = 60_000, count: retainCount = 100 } = retain
  return { policy, limit, maxQueued, retainTime, retainCount, fetchTime: FETCH_TIME }
}
