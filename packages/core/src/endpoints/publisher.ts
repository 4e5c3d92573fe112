import { type CaptureOf, type Delivery, type ParamsOf, parts } from '../contracts/contract.ts'
import { assertTopic, type Pattern } from '../contracts/grammar.ts'
import type { TopicContract } from '../contracts/topic.ts'
import { CommlibError } from '../errors.ts'
import type { AbortOptions, PublishOptions } from '../transport.ts'
import { randomId } from '../util/token.ts'
import { announce, assertOpen, contextOf, type Target } from './context.ts'

/** Sends messages. */
export interface Publisher<Message, Name extends string = string> {
  /** The contract's name: a topic or a pattern. */
  readonly topic: Name

  /**
   * Resolves once the message is on its way or, if reliable, once the broker has taken responsibility.
   *
   * A publisher over a pattern is told which topic: by `{ params }` or by `{ topic }`.
   *
   * commlib-py: `Publisher.publish(msg)`, `MPublisher.publish(msg, topic)`.
   */
  publish(message: Message, ...options: PublishArguments<Name>): Promise<void>

  /** Takes it off the node's ports. There is nothing else to close: the connection is the node's. */
  close(): void
}

export interface PublishMessageOptions extends AbortOptions, Delivery {}

/** Names the topic to publish to, as far as the contract leaves it open. */
export type PublishTarget<Name extends string> = string extends Name
  ? { readonly params?: Readonly<Record<string, string>> | undefined; readonly topic?: string | undefined }
  : Name extends `${string}*${string}`
    ? { readonly topic: string; readonly params?: undefined }
    : [CaptureOf<Name>] extends [never]
      ? { readonly topic?: undefined; readonly params?: undefined }
      :
          | { readonly params: ParamsOf<Name>; readonly topic?: undefined }
          | { readonly topic: string; readonly params?: undefined }

type PublishArguments<Name extends string> = string extends Name
  ? [options?: PublishMessageOptions & PublishTarget<Name>]
  : Name extends `${string}${'*' | '{'}${string}`
    ? [options: PublishMessageOptions & PublishTarget<Name>]
    : [options?: PublishMessageOptions & PublishTarget<Name>]

/**
 * Makes a publisher on a node or a connected transport.
 *
 * commlib-py: `create_publisher`, `create_mpublisher`, `create_wpublisher`.
 */
export function createPublisher<In, Name extends string>(
  target: Target,
  contract: TopicContract<In, unknown, Name>,
): Publisher<In, Name> {
  const context = contextOf(target)
  const { pattern, shape, delivery, check } = contract[parts]
  const port = announce(context, { direction: 'out', kind: 'publisher', name: contract.name, contract }, shape)
  const { transport, wire } = context

  const id = randomId()
  const send = (topic: string, data: unknown, options: PublishOptions): Promise<void> => {
    port.messages++
    // Whoever gets it twice can tell.
    const headers = options.reliable ? { id: id + port.messages } : undefined
    return transport.publish(topic, wire.message(data, headers), options)
  }

  const publish = (message: unknown, options?: PublishMessageOptions & PublishTarget<string>): Promise<void> => {
    try {
      assertOpen(context)
      if (options !== undefined) check?.('publish', options)
      const topic = options === undefined && !pattern.wild ? pattern.name : topicOf(pattern, options)
      const data = shape.outgoing(message)
      const how = options === undefined ? delivery : { ...delivery, ...options }
      return data instanceof Promise ? data.then(ready => send(topic, ready, how)) : send(topic, data, how)
    } catch (error) {
      port.errors++
      return Promise.reject(error)
    }
  }

  return { topic: contract.name, publish: publish as Publisher<In, Name>['publish'], close: () => port.close() }
}

function topicOf(pattern: Pattern, { params, topic }: PublishTarget<string> = {}): string {
  if (topic === undefined) return pattern.fill(params ?? {})
  assertTopic(topic)
  if (pattern.match(topic) === undefined) {
    throw new CommlibError('INVALID_TOPIC', `'${topic}' does not match '${pattern.name}'`)
  }
  return topic
}
