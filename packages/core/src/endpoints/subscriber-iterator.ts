import type { Subscription } from '../transport.ts'
import { AsyncQueue } from '../util/async-queue.ts'

/** Messages as they arrive. Leaving the loop unsubscribes. */
export type Subscriber<Message> = AsyncIterableIterator<Message> & Subscription

export interface IterateOptions {
  readonly reliable: boolean
  readonly maxBuffered: number

  /** Is told of each message that a slow reader loses. */
  readonly onDrop: () => void
  readonly signal: AbortSignal | undefined

  /** Hands each message to a handler, until the subscription is closed. */
  readonly subscribe: (handler: (message: unknown) => unknown, onClose: () => void) => Promise<Subscription>
}

/**
 * Subscribes as an async iterator. A reliable message is acknowledged when its reader asks for the next: one that a loop
 * was left with may have failed, and comes again to a durable subscription.
 */
export async function iterate({
  reliable,
  maxBuffered,
  onDrop,
  signal,
  subscribe,
}: IterateOptions): Promise<Subscriber<unknown>> {
  let settle: (() => void) | undefined
  const queue = new AsyncQueue<unknown>({ limit: maxBuffered, onDrop, onClose: () => subscription.close() })
  const push = (message: unknown) => queue.push(message)
  const pushAndWait = (message: unknown) =>
    new Promise<void>(resolve => {
      settle = resolve
      queue.push(message)
    })

  const subscription = await subscribe(reliable ? pushAndWait : push, () => queue.end())
  signal?.addEventListener('abort', () => void queue.return(), { once: true })

  const close = async () => void (await queue.return())
  const subscriber: Subscriber<unknown> = {
    next: () => {
      settle?.()
      settle = undefined
      return queue.next()
    },
    return: () => queue.return(),
    close,
    [Symbol.asyncIterator]: () => subscriber,
    [Symbol.asyncDispose]: close,
  }
  return subscriber
}
