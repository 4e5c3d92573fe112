import type { OptionCheck } from '../util/options.ts'
import type { Pattern } from './grammar.ts'
import type { Shape } from './shape.ts'

/**
 * What endpoints know of a contract. A contract carries the endpoints of its kind, so that `node.serve` only calls
 * them: what is never declared is never bundled.
 */
export const parts: unique symbol = Symbol.for('commlib.contract')

/** How messages travel unless a call says otherwise. */
export interface Delivery {
  /**
   * A publish resolves only when the broker has taken responsibility, and a subscriber acknowledges after its handler.
   *
   * @default false
   */
  readonly reliable?: boolean | undefined

  /**
   * The last message is kept for subscribers that come later.
   *
   * @default false
   */
  readonly latched?: boolean | undefined

  /**
   * Messages under 1 KB that are published in one turn of the event loop share packets, where the transport has such: with
   * `@commlib/mqtt` over MQTT 5, a broker carries several times as many. Elsewhere each is sent alone.
   *
   * Only subscribers of `@commlib/mqtt` can read such packets: not commlib-py, not `@commlib/mqtt-lite`. A group gives all of
   * a packet to one member.
   *
   * @default false
   */
  readonly batch?: boolean | undefined
}

/** What endpoints know of a contract of messages. */
export interface TopicParts {
  readonly check: OptionCheck | undefined
  readonly pattern: Pattern
  readonly shape: Shape
  readonly delivery: Delivery

  /** What a received event says of itself beside its payload. */
  readonly event?: (data: unknown) => EventDescription
}

/** What an event is, beside its payload. */
export interface EventDescription {
  readonly name: string
  readonly uri: string
  readonly description: string
}

/** What a request and its response look like. */
export interface RpcShapes {
  readonly request: Shape
  readonly response: Shape
}

/** What endpoints know of a contract of calls. */
export interface RpcParts extends RpcShapes {
  readonly check: OptionCheck | undefined
}

/** Names of the captures in a pattern: `'room'` for `sensors.{room}.temperature`. */
export type CaptureOf<Name extends string> = Name extends `${string}{${infer Capture}}${infer Rest}`
  ? (Capture extends `${infer Key}...` ? Key : Capture) | CaptureOf<Rest>
  : never

/** Captured values of a pattern, by name. */
export type ParamsOf<Name extends string> = string extends Name
  ? Readonly<Record<string, string>>
  : { readonly [Key in CaptureOf<Name>]: string }
