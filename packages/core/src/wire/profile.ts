import type { RemoteFailure } from '../errors.ts'

/**
 * How commlib-py's versions write a message. Where the wire has no room beside the body (MQTT, Redis), `'0.13'` is that of
 * 0.6.4 and newer, bare on topics and in an envelope in RPC; `'0.6'` that of 0.6.0 to 0.6.3, in an envelope always. On AMQP
 * both are bare: there `'0.6'` leaves out of answers what 0.6 refuses, the reasons why a goal failed, and `'0.13.2'` puts
 * requests in an envelope, without which a service of 0.13.2 drops them; elsewhere it is `'0.13'`.
 */
export type WireProfile = '0.13' | '0.6' | '0.13.2'

/** The envelope's fields that commlib-py has, and those it ignores: what Python needs never depends on the latter. */
export interface Header {
  readonly reply_to?: string
  readonly timestamp?: number
  readonly properties?: { readonly content_type: string; readonly content_encoding: string }
  readonly content_type?: string
  readonly encoding?: string
  readonly agent?: string

  readonly correlation_id?: string | undefined
  /** Milliseconds from sending. */
  readonly timeout?: number | undefined
  readonly goal_id?: string | undefined
  readonly hops?: string | undefined
  readonly error?: RemoteFailure | undefined

  /** The caller takes an answer without an envelope, which for a small one is most of its bytes. */
  readonly bare?: true | undefined
}

export interface Envelope {
  readonly header: Header
  readonly data: unknown
}

/** What ours adds to the header. */
export type HeaderExtras = Pick<Header, 'correlation_id' | 'timeout' | 'goal_id' | 'hops' | 'error' | 'bare'>

const properties = { content_type: 'application/json', content_encoding: 'utf8' } as const

/** commlib-py 0.6's envelope of a message on a topic. */
export function messageEnvelope(data: unknown): Envelope {
  return { header: { timestamp: Date.now(), properties }, data }
}

/** The envelope of a request or a response, its fields in commlib-py's order. */
export function rpcEnvelope(profile: WireProfile, replyTo: string, data: unknown, extras: HeaderExtras): Envelope {
  return profile === '0.6'
    ? { header: { timestamp: Date.now(), reply_to: replyTo, properties, ...extras }, data }
    : {
        header: {
          reply_to: replyTo,
          timestamp: nanoseconds(Date.now()),
          content_type: 'json',
          encoding: 'utf8',
          agent: 'commlib',
          ...extras,
        },
        data,
      }
}

/** Past 2^53, so exact to the microsecond only; printed in full as commlib-py needs it, an integer. */
export function nanoseconds(milliseconds: number): number {
  return milliseconds * 1_000_000
}

/** A body of exactly a header (0.4 called it `meta`) and data, whatever they are. */
export function openEnvelope(value: unknown): Envelope | undefined {
  const { header, meta, data } = (value ?? {}) as { header?: unknown; meta?: unknown; data?: unknown }
  const head = header ?? meta
  if (typeof head !== 'object' || head === null || data === undefined) return undefined
  return Object.keys(value as object).length === 2 ? { header: head, data } : undefined
}

/**
 * Whether an envelope is that of a message on a topic, as commlib-py before 0.6.4 writes it. 0.13's `MessageHeader`, which
 * an app may put beside a field `data`, also has properties, but names no content type in them.
 */
export function isMessageEnvelope({ header }: Envelope): boolean {
  const { properties, timestamp } = header
  return typeof timestamp === 'number' && typeof properties?.content_type === 'string'
}

/** Whether an envelope is that of a request or a response, which share MQTT's topics with messages. */
export function isRpcEnvelope({ header }: Envelope): boolean {
  return typeof header.reply_to === 'string'
}
