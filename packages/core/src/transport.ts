import type { LongText } from './wire/text-wire.ts'
import type { WireClass } from './wire/wire.ts'

/**
 * The seam between commlib and a message broker.
 *
 * A transport moves opaque {@link Frame}s over two kinds of address: *topics*,
 * where every subscriber gets a copy, and *queues*, where one consumer gets each
 * frame; and it can open a private return address. Publishers, RPC, actions,
 * events, heartbeats and bridges are written once, in this package, over these
 * five verbs.
 *
 * Addresses are dotted (`robot.arm.pose`). A pattern may hold `*`: one segment
 * in the middle, one or more at the end. A transport may deliver more than the
 * pattern asks for; core filters. Names that other programs use and that the
 * grammar has no room for arrive escaped (see `escapeSegment`).
 *
 * Whether a driver's client library reconnects or not, a transport does: what was
 * subscribed, pulled and opened is established again, and each acknowledgement is
 * checked. `reconnecting()` of `@commlib/core/internal` does that for a driver
 * that only knows one connection.
 */
export interface Transport extends AsyncDisposable {
  readonly name: string
  readonly supports: TransportSupports

  /** What writes its frames, where that is not what writes everybody's. For the transports of this project. */
  readonly wire?: WireClass | undefined

  /**
   * Resolves once the broker has accepted the connection. Reconnecting afterwards
   * is the transport's job, told through `onStatus`.
   */
  connect(options?: ConnectOptions): Promise<void>

  /** Stops consuming, flushes what was sent, and disconnects. May be called twice. */
  close(): Promise<void>

  /**
   * Sends a frame to every subscriber of a topic.
   *
   * Resolves when the frame was handed to the connection, or, if `reliable`, when
   * the broker has taken responsibility for it.
   */
  publish(topic: string, frame: Frame, options?: PublishOptions): Promise<void>

  /** Resolves once the broker has acknowledged the subscription. */
  subscribe(pattern: string, onFrame: TopicListener, options?: SubscribeOptions): Promise<Subscription>

  /** Sends a frame to one consumer of a queue. */
  push(queue: string, frame: Frame, options?: PushOptions): Promise<void>

  /**
   * Consumes a queue. Resolves once the broker has acknowledged it.
   *
   * Closing the subscription loses nothing: the listener still gets what the broker has given to this consumer, and
   * `close()` resolves when that was all.
   */
  pull(queue: string, onFrame: QueueListener, options?: PullOptions): Promise<Subscription>

  /** Opens a private return address, good for any number of calls. */
  inbox(onReply: ReplyListener, options?: InboxOptions): Promise<Inbox>
}

/** What travels: opaque bytes, and the properties a broker may carry beside them. */
export interface Frame {
  readonly body: Uint8Array

  /**
   * The body's text, for a transport that writes texts. Such a frame makes its `body` when it is asked for, and a copy by
   * `...` has none.
   */
  readonly text?: LongText | undefined

  /** Where an answer is expected; a frame that has one is a request. */
  readonly replyTo?: string | undefined
  readonly correlationId?: string | undefined

  /** MIME type of the body, such as `application/json`. */
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined

  /**
   * Milliseconds this frame is worth delivering, counted from the moment it is sent
   * and, when received, from the moment it arrived: clocks are never compared.
   */
  readonly expiry?: number | undefined

  /** Set on a frame received only because it was kept for late joiners. */
  readonly latched?: boolean | undefined

  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A returned promise settles the frame: with `reliable`, it is acknowledged then. */
export type TopicListener = (topic: string, frame: Frame) => void | Promise<void>

/** The returned promise settles the frame and frees its slot. It never rejects. */
export type QueueListener = (frame: Frame) => void | Promise<void>

/**
 * Is called with each answer.
 *
 * @param token the one given to {@link Inbox.reserve} for the call that is answered
 */
export type ReplyListener = (token: string, frame: Frame) => void

/** A private return address, shared by the calls of one connection. */
export interface Inbox extends AsyncDisposable {
  /**
   * Readies the return address of one call, for the request's `replyTo`. The request's
   * `correlationId` is the token itself.
   */
  reserve(token: string): string

  /** Ends what {@link Inbox.reserve} began: answered, timed out or aborted. Later replies are dropped. */
  release(token: string): void

  /** Gives the address up. May be called twice. */
  close(): Promise<void>
}

/** What receives until it is closed. */
export interface Subscription extends AsyncDisposable {
  /** Stops receiving. May be called twice. */
  close(): Promise<void>
}

/**
 * What a transport can do natively: documentation, feature detection, and what selects the
 * tests of the compliance suite. What is missing fails with `UNSUPPORTED`, never silently.
 */
export interface TransportSupports {
  /** The wire carries {@link Frame} properties beside the body. Without it, core wraps RPC bodies in an envelope. */
  readonly properties: boolean

  /**
   * Whether {@link Frame.headers} reach the other side: with every frame, only with what is published as `reliable`, or
   * never.
   */
  readonly headers: 'always' | 'reliable' | 'never'

  /** A frame pushed while nobody consumes waits for a consumer. */
  readonly queueing: boolean

  /** Each pushed frame reaches exactly one of several of our consumers. */
  readonly competing: boolean

  /** `reliable` on topics; `'plain'` where patterns cannot have it. */
  readonly reliable: boolean | 'plain'

  /** `latched` on topics; `'plain'` where patterns cannot have it. */
  readonly latched: boolean | 'plain'

  /**
   * Subscriptions that share a topic's messages among the members of a group; `'reliable'` where they get only what is
   * published as `reliable`.
   */
  readonly groups: boolean | 'reliable'

  /** Subscriptions that outlive their process. */
  readonly durable: boolean

  /** Who gets what a dead member of a durable group left: the others at once, after an idle time, or nobody. */
  readonly groupTakeover: 'at-once' | 'after-idle' | 'never'

  /**
   * Whether a push to a queue that nobody consumes is told: of every request (the push rejects, or
   * {@link InboxOptions.onReturned} is called), only when the push is confirmed (slower: asked for with
   * `mandatory`), or never.
   */
  readonly noService: 'always' | 'confirmed' | 'never'

  /** The broker drops a frame that has outlived its `expiry`. */
  readonly expiry: boolean

  /** What a dead-letter topic can be given for messages that were never handled. */
  readonly deadLetter: boolean
}

/** Options of everything that waits. */
export interface AbortOptions {
  /** Ends the waiting, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Transport.connect}. */
export interface ConnectOptions extends AbortOptions {
  /**
   * Milliseconds until connecting fails; the error names host and cause.
   *
   * @default 10_000
   */
  readonly timeout?: number | undefined

  /**
   * Resolves at once and goes on trying in the background. What is subscribed and pulled meanwhile is
   * established on connect.
   *
   * @default false
   */
  readonly waitForBroker?: boolean | undefined

  /** Is told what happens to the connection. */
  readonly onStatus?: ((status: TransportStatus) => void) | undefined

  /** Receives errors that nobody awaits. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Options of {@link Transport.publish}. */
export interface PublishOptions extends AbortOptions {
  /**
   * Resolves only when the broker has taken responsibility, and sends again after a reconnect.
   *
   * @default false
   */
  readonly reliable?: boolean | undefined

  /**
   * Keeps this message for subscribers that come later. An empty body deletes what is kept.
   *
   * @default false
   */
  readonly latched?: boolean | undefined

  /**
   * May share a packet with other messages of this turn of the event loop. Who cannot do so sends it alone.
   *
   * @default false
   */
  readonly batch?: boolean | undefined
}

/** Options of {@link Transport.subscribe}. */
export interface SubscribeOptions extends AbortOptions {
  /** Acknowledges each message only when the listener's promise has settled. @default false */
  readonly reliable?: boolean | undefined

  /** Asks for the kept value of every matching topic first. @default false */
  readonly latched?: boolean | undefined

  /** Shares the messages with the other members of this group. */
  readonly group?: string | undefined

  /** Names a subscription that survives its process. Implies `reliable`. */
  readonly durable?: string | undefined

  /** Tells the members of a durable group apart, where the broker needs it. */
  readonly member?: string | undefined
}

/** Options of {@link Transport.push}. */
export interface PushOptions extends AbortOptions {
  /** Waits for the broker to tell whether anybody consumes the queue: rejects with `NO_SERVICE` if not. @default false */
  readonly mandatory?: boolean | undefined
}

/** Options of {@link Transport.pull}. */
export interface PullOptions extends AbortOptions {
  /**
   * Frames handled at the same time. A transport whose broker can hold the others back does so; elsewhere they
   * are delivered, and core queues them.
   *
   * @default Infinity
   */
  readonly concurrency?: number | undefined
}

/** Options of {@link Transport.inbox}. */
export interface InboxOptions extends AbortOptions {
  /** Is told of each request that came back, since nobody consumes its queue: with `NO_SERVICE`. */
  readonly onReturned?: ((token: string, error: Error) => void) | undefined
}

/** What happens to a connection, in order. `connected` follows each `disconnected`, unless the transport gives up. */
export type TransportStatus =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly cause?: Error | undefined }
  /** An attempt failed; the next one starts after `delay` milliseconds. */
  | {
      readonly type: 'reconnecting'
      readonly attempt: number
      readonly delay: number
      readonly cause?: Error | undefined
    }
  /** The broker has forgotten this client: what it held for it is gone. */
  | { readonly type: 'session-lost'; readonly durable?: string | undefined }
  /** Messages were dropped: by a full buffer of ours, or by the broker. */
  | { readonly type: 'messages-lost'; readonly count?: number | undefined; readonly reason: string }
  /** Something failed that is being retried, or, if `fatal`, no longer is. */
  | { readonly type: 'error'; readonly error: Error; readonly fatal?: boolean | undefined }
