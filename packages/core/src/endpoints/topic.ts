import { type Delivery, parts } from '../contracts/contract.ts'
import { compilePattern } from '../contracts/grammar.ts'
import type { Schema } from '../contracts/schema.ts'
import type { Shape, ShapeOf } from '../contracts/shape.ts'
import type { DescribeTopic, TopicContract } from '../contracts/topic.ts'
import type { OptionCheck } from '../util/options.ts'
import { createPublisher } from './publisher.ts'
import { createSubscriber } from './subscriber.ts'

interface TopicSettings {
  readonly schema?: Schema | undefined
  readonly delivery?: Delivery | undefined
  readonly check?: OptionCheck | undefined
}

/** The `topic` function, with or without a validator. */
export function topicsBy(shapeOf: ShapeOf, check?: OptionCheck): DescribeTopic {
  // The overloads say more of the types than one signature can.
  return ((name: string, schema?: Schema, delivery?: Delivery) =>
    topicOf(name, shapeOf(schema), { schema, delivery, check })) as DescribeTopic
}

/** A contract out of a shape, for the messages that commlib's own protocol is made of. */
export function topicOf<In, Out, const Name extends string>(
  name: Name,
  shape: Shape,
  { schema, delivery = {}, check }: TopicSettings = {},
): TopicContract<In, Out, Name> {
  check?.('topic', delivery)
  return {
    kind: 'topic',
    name,
    schema,
    [parts]: {
      check,
      pattern: compilePattern(name),
      shape,
      delivery,
      publisher: createPublisher,
      subscribe: createSubscriber,
    },
  }
}
