import { parts } from '../contracts/contract.ts'
import type { EventContract } from '../contracts/event.ts'
import type { TopicContract } from '../contracts/topic.ts'
import type { Subscription } from '../transport.ts'
import { contextOf, type Target } from './context.ts'
import { dropCounter } from './drop-counter.ts'
import type { EventContext, MessageContext } from './message-context.ts'
import { handleMessages, isReliable, type MessageHandler, type Subscribable } from './message-handler.ts'
import type { Subscriber } from './subscriber-iterator.ts'
import { DEFAULT_MAX_BUFFERED, type SubscriberOptions } from './subscriber-options.ts'

/** Makes a subscriber: of a handler, or, without one, of an async iterator. */
export interface CreateSubscriber {
  /** Resolves once the broker has confirmed. */
  <Out, Name extends string>(
    target: Target,
    contract: TopicContract<unknown, Out, Name>,
    handler: MessageHandler<Out, MessageContext<Name>>,
    options?: SubscriberOptions,
  ): Promise<Subscription>
  <Out>(
    target: Target,
    contract: EventContract<unknown, Out>,
    handler: MessageHandler<Out, EventContext>,
    options?: SubscriberOptions,
  ): Promise<Subscription>
  /** Iterates. Resolves once the broker has confirmed, so what is published next is not missed. */
  <Out>(
    target: Target,
    contract: TopicContract<unknown, Out> | EventContract<unknown, Out>,
    options?: SubscriberOptions,
  ): Promise<Subscriber<Out>>
}

/**
 * Subscribes on a node or a connected transport.
 *
 * commlib-py: `create_subscriber`, `create_psubscriber`, `create_wsubscriber`.
 */
// The overloads say more of the types than one signature can.
export const createSubscriber: CreateSubscriber = ((
  target: Target,
  contract: Subscribable,
  second?: MessageHandler<unknown> | SubscriberOptions,
  third?: SubscriberOptions,
) =>
  typeof second === 'function'
    ? handleMessages(target, contract, second, third)
    : openIterator(target, contract, second)) as unknown as CreateSubscriber

async function openIterator(
  target: Target,
  contract: Subscribable,
  options: SubscriberOptions = {},
): Promise<Subscriber<unknown>> {
  const { check, pattern } = contract[parts]
  check?.('subscribe', options)
  const { maxBuffered = DEFAULT_MAX_BUFFERED, signal } = options
  // Only who iterates loads what it takes.
  const { iterate } = await import('./subscriber-iterator.ts')
  return iterate({
    reliable: isReliable(contract, options),
    maxBuffered,
    onDrop: dropCounter(contextOf(target), `the reader of '${pattern.name}'`, maxBuffered),
    signal,
    subscribe: (handler, onClose) =>
      handleMessages(target, contract, handler, { handlerTimeout: Infinity, ...options }, onClose),
  })
}
