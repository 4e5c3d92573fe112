import {
  CommlibError,
  type Context,
  type Frame,
  notAMessage,
  type parts,
  type TopicParts,
} from '@commlib/core/internal'
import type { BridgeContext, Converting } from './options.ts'

/** A contract of messages, as far as a bridge reads it. */
export interface MessageContract {
  readonly kind: 'topic' | 'event'
  readonly schema: unknown
  readonly [parts]: TopicParts
}

/** Marks what does not cross: a call, or what the filter stops. */
export const CALL: unique symbol = Symbol('a call')
export const FILTERED: unique symbol = Symbol('filtered')

/** What becomes of a frame: what travels on, or why it does not. */
export type Converted = Frame | typeof CALL | typeof FILTERED

/** Makes of a received frame the one to publish. May throw or reject. */
export type Convert = (frame: Frame, context: BridgeContext) => Converted | Promise<Converted>

export interface ConversionOptions extends Converting<never, unknown> {
  readonly source: Context
  readonly sink: Context
  readonly parts: TopicParts
  readonly validate: boolean
}

/**
 * Carries bytes as they are where both wires write messages alike and nobody wants to see the value; else decodes, checks
 * and encodes as far as it takes.
 */
export function conversion({ source, sink, parts, validate, filter, transform }: ConversionOptions): Convert {
  const { shape, event } = parts
  const alike = writeAlike(source, sink)
  const look = validate || filter !== undefined || transform !== undefined
  const bare = !source.transport.supports.properties

  /** After the value is known. */
  const finish = (
    frame: Frame,
    data: unknown,
    value: unknown,
    context: BridgeContext,
  ): Converted | Promise<Converted> => {
    if (filter !== undefined && !filter(value as never, context)) return FILTERED
    if (transform === undefined) return carry(frame, renamed(data, context), data)
    const send = (out: unknown) => {
      const ready = shape.outgoing(out)
      const write = (checked: unknown) => encode(frame, sent(data, checked, context))
      return ready instanceof Promise ? ready.then(write) : write(ready)
    }
    const made = transform(value as never, context)
    return made instanceof Promise ? made.then(send) : send(made)
  }

  /** An event says itself where it belongs. */
  const renamed = (data: unknown, { topic, sinkTopic }: BridgeContext): unknown =>
    event === undefined || topic === sinkTopic ? data : { ...(data as object), uri: sinkTopic }

  /** What its sender said of an event stays as it is. */
  const sent = (data: unknown, made: unknown, { sinkTopic }: BridgeContext): unknown =>
    event === undefined ? made : { ...(made as object), ...event(data), uri: sinkTopic }

  const encode = (frame: Frame, data: unknown): Frame => {
    const { expiry, latched, headers } = frame
    const message = sink.wire.message(data, headers)
    return { ...message, body: message.body, text: undefined, expiry, latched }
  }

  const carry = (frame: Frame, data: unknown, received: unknown): Frame =>
    data === received && alike && !(bare && enveloped(frame.body)) ? frame : encode(frame, data)

  return (frame, context) => {
    // It ends what is kept for late joiners.
    if (frame.body.length === 0) return frame
    const wrapped = bare && enveloped(frame.body)
    const rename = event !== undefined && context.topic !== context.sinkTopic
    if (!look && !wrapped && !rename && alike) return frame
    const data = source.wire.readMessage(frame)
    if (data === notAMessage) return CALL
    if (!look) return carry(frame, renamed(data, context), data)
    const value = shape.incoming(data)
    return value instanceof Promise
      ? value.then(ready => finish(frame, data, ready, context))
      : finish(frame, data, value, context)
  }
}

// The fields by which an envelope is known: of a call, and of a message of commlib-py 0.6.
const MARKS = ['"reply_to"', '"content_type"']

/** Whether a body may be an envelope, which it need not be. Cheaper than to decode them all. */
function enveloped(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return MARKS.some(mark => bytes.includes(mark))
}

/** Whether both write the same message in the same bytes. */
function writeAlike(a: Context, b: Context): boolean {
  const [one, other] = [a, b].map(({ wire: { options } }) => {
    const { codec, profile, properties } = options
    return `${codec.contentType} ${codec.contentEncoding} ${profile === '0.6' && !properties}`
  })
  return one === other
}

/** For frames that nobody has encoded here. */
export function assertSize({ body }: Frame, { wire }: Context): void {
  const { maxMessageBytes } = wire.options
  if (body.length <= maxMessageBytes) return
  throw new CommlibError(
    'MESSAGE_TOO_LARGE',
    `body of ${body.length} bytes is over maxMessageBytes (${maxMessageBytes})`,
  )
}
