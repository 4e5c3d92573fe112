import type { EventContract } from '../contracts/event.ts'
import type { TopicContract } from '../contracts/topic.ts'
import type { Subscription } from '../transport.ts'
import type { Target } from './context.ts'
import type { EventContext, MessageContext } from './message-context.ts'
import { handleMessages, type MessageHandler, type Subscribable } from './message-handler.ts'
import type { Subscriber } from './subscriber-iterator.ts'
import type { SubscriberOptions } from './subscriber-options.ts'

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
    : // Only who iterates loads what it takes.
      import('./subscriber-iterator.ts').then(({ iterate }) =>
        iterate(target, contract, second),
      )) as unknown as CreateSubscriber
