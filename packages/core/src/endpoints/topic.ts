import { type Delivery, parts } from '../contracts/contract.ts'
import { compilePattern } from '../contracts/grammar.ts'
import type { Schema } from '../contracts/schema.ts'
import type { Shape, ShapeOf } from '../contracts/shape.ts'
import type { DescribeTopic, TopicContract } from '../contracts/topic.ts'
import { assertOptions, flag } from '../util/options.ts'
import { createPublisher } from './publisher.ts'
import { createSubscriber } from './subscriber.ts'

/** The `topic` function, with or without a validator. */
export function topicsBy(shapeOf: ShapeOf): DescribeTopic {
  // The overloads say more of the types than one signature can.
  return ((name: string, schema?: Schema, delivery?: Delivery) =>
    topicOf(name, shapeOf(schema), { schema, delivery })) as DescribeTopic
}

/** A contract out of a shape, for the messages that commlib's own protocol is made of. */
export function topicOf<In, Out, const Name extends string>(
  name: Name,
  shape: Shape,
  { schema, delivery = {} }: { readonly schema?: Schema | undefined; readonly delivery?: Delivery | undefined } = {},
): TopicContract<In, Out, Name> {
  assertOptions('topic', delivery, { reliable: flag, latched: flag })
  return {
    kind: 'topic',
    name,
    schema,
    [parts]: {
      pattern: compilePattern(name),
      shape,
      delivery,
      publisher: createPublisher,
      subscribe: createSubscriber,
    },
  }
}
