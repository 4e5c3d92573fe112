import type {
  ActionContract,
  EventContract,
  InputOf,
  MessageContext,
  MessageOf,
  RpcContract,
  RpcTypes,
  TopicContract,
} from '@commlib/core'
import type { SpoolOptions } from './spool/options.ts'

/** What a bridge can carry. */
export type BridgeContract =
  // Any contract of these kinds: what it carries is read from its own type.
  // biome-ignore-start lint/suspicious/noExplicitAny: a contract's inputs and outputs vary in both directions
  TopicContract<any, any> | EventContract<any, any> | RpcContract<any> | ActionContract<any>
// biome-ignore-end lint/suspicious/noExplicitAny: as above

/** How a name on one side is made of a name on the other: at most one of the three. */
export interface Naming {
  /** The one name on the sink's side. commlib-py: `to_uri`. */
  readonly to?: string | undefined

  /** Goes before the name, with a dot. commlib-py: `to_uri` of a PTopicBridge. */
  readonly namespace?: string | undefined

  /** Makes the name. It must say the same whenever it is asked. commlib-py: `uri_transform`. */
  readonly rename?: ((name: string) => string) | undefined
}

/** Looks at messages, and changes them, on their way. */
export interface Converting<Message, Input> {
  /** Lets a message pass, or not. What it stops is counted as `filtered`. */
  readonly filter?: ((message: Message, context: BridgeContext) => boolean) | undefined

  /** Makes another message of it, which must fit the contract's schema too. */
  readonly transform?: ((message: Message, context: BridgeContext) => Input | Promise<Input>) | undefined
}

/** What a filter and a transform are told beside the message. */
export type BridgeContext = Pick<MessageContext, 'topic' | 'params' | 'latched'> & {
  /** The topic it will be published to. */
  readonly sinkTopic: string
}

/** How messages are read from the source. */
export interface SourceOptions {
  /**
   * Acknowledges a message only when the sink, or the spool, has taken responsibility for it.
   *
   * @default the bridge's `reliable`
   */
  readonly reliable?: boolean | undefined

  /** Asks for kept values first. @default the bridge's `latched` */
  readonly latched?: boolean | undefined

  /** Names a subscription that outlives the process: what comes while the bridge is away is kept. Implies `reliable`. */
  readonly durable?: string | undefined

  /** Shares the messages among the bridges that give this name. */
  readonly group?: string | undefined

  /** Tells the members of a durable group apart, on brokers that need it (MQTT). */
  readonly member?: string | undefined
}

/** How messages are published to the sink. */
export interface SinkOptions {
  /** Waits for the broker to take responsibility. @default the bridge's `reliable` */
  readonly reliable?: boolean | undefined

  /** Keeps the last message for late joiners. @default the bridge's `latched` */
  readonly latched?: boolean | undefined
}

/** The way back of a bridge of messages, where it differs from the way forth. */
export interface BackOptions<Message = unknown, Input = unknown> extends Converting<Message, Input> {
  /** What is subscribed to on the sink's side. @default follows from `to` or `namespace` */
  readonly pattern?: string | undefined

  /** Makes the name on the source's side. @default undoes `to` or `namespace` */
  readonly rename?: ((name: string) => string) | undefined
}

/** Options of every kind of bridge. */
export interface CommonOptions extends Naming {
  /** Names this bridge in counters, errors and ports. @default the contract's name */
  readonly name?: string | undefined

  /**
   * Names the two brokers, so that bridges of other processes which give the same names recognize what has been there:
   * without them, each connection is taken for a broker of its own.
   */
  readonly brokers?: readonly [source: string, sink: string] | undefined

  /** Closes the bridge when it aborts. */
  readonly signal?: AbortSignal | undefined

  /** Is told of messages and calls that fail, beside `onError` of the source's node. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Options of a bridge of messages: of a topic, a pattern or an event. */
export interface MessageBridgeOptions<Message = unknown, Input = unknown>
  extends CommonOptions,
    Converting<Message, Input> {
  /**
   * Carries messages in both directions. What has come over a bridge never goes back.
   *
   * @default false
   */
  readonly twoWay?: boolean | BackOptions<Message, Input> | undefined

  /**
   * Whether a message is acknowledged to the source's broker only when the sink's has confirmed it.
   *
   * @default what the contract says
   */
  readonly reliable?: boolean | undefined

  /** Whether the last message is kept for late joiners. @default what the contract says */
  readonly latched?: boolean | undefined

  /** How messages are read, where that differs. */
  readonly source?: SourceOptions | undefined

  /** How messages are published, where that differs. */
  readonly sink?: SinkOptions | undefined

  /**
   * Whether each message is checked against the contract's schema on its way. Without, and without a filter and a
   * transform, bytes are carried as they are.
   *
   * @default whether the contract has a schema
   */
  readonly validate?: boolean | undefined

  /** Messages a second that are let through, of each topic; the others are counted as `filtered`. @default Infinity */
  readonly rate?: number | undefined

  /** Lets the first of so many messages through, of each topic; the others are counted as `filtered`. @default 1 */
  readonly sample?: number | undefined

  /** How the names of commlib-py's PTopicBridge are made: MQTT's slashes stay in names on Redis. @default 'dotted' */
  readonly naming?: 'dotted' | 'commlib-py' | undefined

  /**
   * Messages that may be on their way to the sink, unconfirmed. Reliable ones beyond it wait, best-effort ones are dropped
   * and counted.
   *
   * @default 1000
   */
  readonly maxInFlight?: number | undefined

  /** Keeps on disk what the sink cannot take. */
  readonly spool?: SpoolOptions | undefined
}

/** Options of a bridge of calls or of actions. */
export interface CallBridgeOptions extends CommonOptions {
  /** Also carries what is called on the sink's side to the source's, by the same naming. @default false */
  readonly twoWay?: boolean | undefined

  /** Milliseconds for a call whose caller does not say. @default 10_000 */
  readonly timeout?: number | undefined

  /** Calls that may be on their way. @default 1024 */
  readonly concurrency?: number | undefined
}

/** What a filter and a transform are told beside a request or an answer. */
export interface CallContext {
  readonly name: string

  /** What it is called on the sink's side. */
  readonly sinkName: string
}

/** Options of a bridge of calls: what it makes of them. */
export interface RpcBridgeOptions<T extends RpcTypes = RpcTypes> extends CallBridgeOptions {
  /** Lets a call pass, or not: what it stops is answered with `NOT_AUTHORIZED` and counted as `filtered`. */
  readonly filter?: ((request: T['requestOut'], context: CallContext) => boolean) | undefined

  /** Makes another request of a request, and another answer of an answer, which must fit the contract's schemas too. */
  readonly transform?: CallTransform<T> | undefined
}

/** What {@link RpcBridgeOptions.transform} takes. */
export interface CallTransform<T extends RpcTypes = RpcTypes> {
  /** Makes the request that is handed on. */
  readonly request?:
    | ((request: T['requestOut'], context: CallContext) => T['requestIn'] | Promise<T['requestIn']>)
    | undefined

  /** Makes the answer that is handed back. */
  readonly response?:
    | ((response: T['responseOut'], context: CallContext) => T['responseIn'] | Promise<T['responseIn']>)
    | undefined
}

/** The options that fit a contract. */
export type BridgeOptions<C> = C extends { readonly kind: 'topic' | 'event' }
  ? MessageBridgeOptions<MessageOf<C>, InputOf<C>>
  : C extends RpcContract<infer T>
    ? RpcBridgeOptions<T>
    : CallBridgeOptions

/** What a bridge has done. */
export interface BridgeCounters {
  /** Messages that the sink has taken, calls that were answered. */
  readonly forwarded: number

  /** Messages that were lost: they did not fit, or the sink, the spool or a limit would not have them. */
  readonly dropped: number

  /** Messages that a filter, `rate` or `sample` has stopped. */
  readonly filtered: number

  /** Messages that had been on the sink's side before. */
  readonly looped: number

  /** Messages and calls that failed. */
  readonly errors: number

  /** Messages that wait on disk now. */
  readonly spooled: number

  /** Milliseconds that the oldest message which the sink has not confirmed has been waiting. */
  readonly lag: number
}

/** A bridge at work. */
export interface Bridge extends AsyncDisposable {
  readonly name: string
  readonly kind: 'topic' | 'event' | 'rpc' | 'action'

  /** Of both directions together. */
  readonly counters: BridgeCounters

  /** Takes nothing more, waits up to 5 seconds for what is on its way, and gives back what it opened. May be called twice. */
  close(): Promise<void>
}
