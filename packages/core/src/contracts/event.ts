import type { Target } from '../endpoints/context.ts'
import type { CreateSubscriber } from '../endpoints/subscriber.ts'
import type { PublishOptions } from '../transport.ts'
import type { parts, TopicParts } from './contract.ts'
import type { Input, Output, Schema } from './schema.ts'

/** Something that happens, with a name and a payload. */
export interface EventContract<In = unknown, Out = In> {
  readonly kind: 'event'

  /** The topic it is published to. */
  readonly uri: string

  /** What it is called, such as `TurnOnBedroomLights`. */
  readonly name: string
  readonly description: string
  readonly schema: Schema | undefined

  /** Types only. */
  readonly '~types'?: { readonly in: In; readonly out: Out }

  /** @internal */
  readonly [parts]: TopicParts & {
    readonly emit: <I>(
      target: Target,
      contract: EventContract<I, unknown>,
      payload: I,
      options?: PublishOptions,
    ) => Promise<void>
    readonly subscribe: CreateSubscriber
  }
}

/** What an event contract says beside its uri. */
export interface EventOptions<S extends Schema | undefined = Schema> {
  /** @default the uri */
  readonly name?: string
  /** @default '' */
  readonly description?: string

  /** What it carries. @default anything */
  readonly payload?: S
}

/**
 * Describes an event. `event(uri, schema)` is short for the form with a name and a description.
 *
 * commlib-py: `Event(name, uri, description, payload)` of 0.6.
 */
export interface DescribeEvent {
  <S extends Schema>(
    uri: string,
    description: EventOptions<S> & { readonly payload: S },
  ): EventContract<Input<S>, Output<S>>
  <S extends Schema>(uri: string, payload: S): EventContract<Input<S>, Output<S>>
  /** Without a schema nothing is checked: the type is a promise of yours. */
  <Payload = unknown>(uri: string, description?: Omit<EventOptions, 'payload'>): EventContract<Payload, Payload>
}
