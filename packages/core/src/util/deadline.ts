import type { AbortOptions } from '../transport.ts'

export interface DeadlineOptions extends AbortOptions {
  /** Milliseconds. */
  readonly timeout: number

  /** Makes the error of a promise that is late. */
  readonly late: () => Error
}

/** Rejects when the time is over, or with the signal's reason as soon as it aborts. */
export function withDeadline<T>(promise: Promise<T>, { timeout, late, signal }: DeadlineOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal?.reason)
    const timer = timeout < 2 ** 31 ? setTimeout(() => reject(late()), timeout) : undefined
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    })
    if (signal?.aborted) onAbort()
  })
}
