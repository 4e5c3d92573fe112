import type { Target } from '../endpoints/context.ts'
import type { Publisher } from '../endpoints/publisher.ts'
import type { CreateSubscriber } from '../endpoints/subscriber.ts'
import type { Delivery, parts, TopicParts } from './contract.ts'
import type { Input, Output, Schema } from './schema.ts'

/** Messages on a topic, or on every topic that a pattern matches. */
export interface TopicContract<In = unknown, Out = In, Name extends string = string> {
  readonly kind: 'topic'
  readonly name: Name
  readonly schema: Schema | undefined

  /** Types only. */
  readonly '~types'?: { readonly in: In; readonly out: Out }

  /** @internal */
  readonly [parts]: TopicParts & {
    readonly publisher: <I, N extends string>(target: Target, contract: TopicContract<I, unknown, N>) => Publisher<I, N>
    readonly subscribe: CreateSubscriber
  }
}

/**
 * Describes a topic. Captures in the name are typed: `topic('sensors.{room}.temperature', schema)`.
 *
 * commlib-py: the `topic` and `msg_type` of Publisher, Subscriber, PSubscriber and MPublisher.
 */
export interface DescribeTopic {
  <const Name extends string, S extends Schema>(
    name: Name,
    schema: S,
    delivery?: Delivery,
  ): TopicContract<Input<S>, Output<S>, Name>
  /** Without a schema nothing is checked: the type is a promise of yours. */
  <Message = unknown, const Name extends string = string>(name: Name): TopicContract<Message, Message, Name>
}
