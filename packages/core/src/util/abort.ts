import type { AbortOptions } from '../transport.ts'

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
export async function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  if (signal.aborted) {
    promise.catch(() => {})
    throw signal.reason
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
