import type { AbortOptions } from '../transport.ts'
import { withDeadline } from './deadline.ts'

/** Options of every call that waits for an answer. */
export interface CallOptions extends AbortOptions {
  /**
   * Milliseconds to wait for the answer. The deadline travels: a request that has expired is not run.
   *
   * @default 10_000
   */
  readonly timeout?: number | undefined
}

/** Rejects with the signal's reason as soon as it aborts. */
export function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal === undefined ? promise : withDeadline(promise, { signal })
}
