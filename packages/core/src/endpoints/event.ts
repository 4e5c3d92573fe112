import { type EventDescription, parts } from '../contracts/contract.ts'
import type { DescribeEvent, EventContract, EventOptions } from '../contracts/event.ts'
import { assertTopic, compilePattern } from '../contracts/grammar.ts'
import { isSchema, type Schema } from '../contracts/schema.ts'
import { type Shape, type ShapeOf, whenReady } from '../contracts/shape.ts'
import type { OptionCheck } from '../util/options.ts'
import { emitEvent } from './event-emitter.ts'
import { createSubscriber } from './subscriber.ts'

/** The `event` function, with or without a validator. */
export function eventsBy(shapeOf: ShapeOf, check?: OptionCheck): DescribeEvent {
  return ((uri: string, second: Schema | EventOptions = {}): EventContract => {
    assertTopic(uri)
    const described: EventOptions = isSchema(second) ? { payload: second } : (second as EventOptions)
    check?.('event', described)
    const { name = uri, description = '', payload } = described
    return {
      kind: 'event',
      uri,
      name,
      description,
      schema: payload,
      [parts]: {
        check,
        pattern: compilePattern(uri),
        shape: eventShape({ name, uri, description }, shapeOf(payload)),
        delivery: {},
        event: data => describeEvent(data, { name, uri, description }),
        emit: emitEvent,
        subscribe: createSubscriber,
      },
    }
  }) as DescribeEvent
}

/** An event's message is its payload in a wrapper; commlib-py 0.13's has `header` and `payload` only, 0.10's `data`. */
function eventShape(description: EventDescription, payload: Shape): Shape {
  return {
    outgoing: value => whenReady(payload.outgoing(value ?? {}), checked => ({ ...description, payload: checked })),
    incoming: value => {
      const body = fields(value)
      return payload.incoming(body['payload'] ?? body['data'] ?? {})
    },
  }
}

function describeEvent(data: unknown, fallback: EventDescription): EventDescription {
  const { name, uri, description } = fields(data)
  return {
    name: typeof name === 'string' ? name : fallback.name,
    uri: typeof uri === 'string' ? uri : fallback.uri,
    description: typeof description === 'string' ? description : fallback.description,
  }
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
