import type { AbortOptions } from '../transport.ts'
import { later } from './timer.ts'

export interface DeadlineOptions extends AbortOptions {
  /** Milliseconds. @default Infinity */
  readonly timeout?: number

  /** Makes the error of a promise that is late. */
  readonly late?: () => Error
}

/** Rejects when the time is over, or with the signal's reason as soon as it aborts. */
export function withDeadline<T>(
  promise: PromiseLike<T>,
  { timeout = Infinity, late, signal }: DeadlineOptions,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal?.reason)
    const timer = later(() => reject(late?.()), timeout)
    const ending =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        settle(value)
      }
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(ending(resolve), ending(reject))
    if (signal?.aborted) onAbort()
  })
}
