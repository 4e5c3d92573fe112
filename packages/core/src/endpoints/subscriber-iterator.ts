import { parts } from '../contracts/contract.ts'
import type { Subscription } from '../transport.ts'
import { AsyncQueue } from '../util/async-queue.ts'
import { contextOf, type Target } from './context.ts'
import { dropCounter } from './drop-counter.ts'
import { handleMessages, isReliable, type Subscribable } from './message-handler.ts'
import { DEFAULT_MAX_BUFFERED, type SubscriberOptions } from './subscriber-options.ts'

/** Messages as they arrive. Leaving the loop unsubscribes. */
export type Subscriber<Message> = AsyncIterableIterator<Message> & Subscription

/**
 * Subscribes as an async iterator. A reliable message is acknowledged when its reader asks for the next: one that a loop
 * was left with may have failed, and comes again to a durable subscription.
 */
export async function iterate(
  target: Target,
  contract: Subscribable,
  options: SubscriberOptions = {},
): Promise<Subscriber<unknown>> {
  contract[parts].check?.('subscribe', options)
  const { maxBuffered = DEFAULT_MAX_BUFFERED, signal } = options
  let settle: (() => void) | undefined
  const drop = dropCounter(contextOf(target), `the reader of '${contract[parts].pattern.name}'`, maxBuffered)
  const queue = new AsyncQueue<unknown>({
    limit: maxBuffered,
    onDrop: drop,
    onClose: () => subscription.close(),
  })
  const push = (message: unknown) => queue.push(message)
  const pushAndWait = (message: unknown) =>
    new Promise<void>(resolve => {
      settle = resolve
      queue.push(message)
    })

  const subscription = await handleMessages(
    target,
    contract,
    isReliable(contract, options) ? pushAndWait : push,
    { handlerTimeout: Infinity, ...options },
    () => queue.end(),
  )
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
