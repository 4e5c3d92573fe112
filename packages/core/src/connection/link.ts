import type { CommlibError } from '../errors.ts'
import type {
  Frame,
  Inbox,
  InboxOptions,
  PublishOptions,
  PullOptions,
  PushOptions,
  QueueListener,
  ReplyListener,
  SubscribeOptions,
  Subscription,
  TopicListener,
  TransportStatus,
  TransportSupports,
} from '../transport.ts'

/**
 * What a broker's package implements to become a transport: how to open one connection. `reconnecting()` opens
 * the next one when it ends, and establishes on it what was subscribed.
 */
export interface Driver {
  readonly name: string
  readonly supports: TransportSupports

  /** Where it connects to, for error messages: scheme, host and port, never a password. */
  readonly target: string

  /**
   * Opens one connection. Rejects with `NOT_AUTHORIZED` where credentials are refused. Must end what it began when
   * the signal aborts.
   */
  open(events: LinkEvents, options: OpenOptions): Promise<Link>

  /** The return address of one call, the same on every connection. */
  replyTo(token: string): string
}

/** Options of {@link Driver.open}. */
export interface OpenOptions {
  /** Aborts when connecting took too long, or is no longer wanted. */
  readonly signal: AbortSignal
}

/** What a connection tells about itself. */
export interface LinkEvents {
  /**
   * The connection has ended without being asked to; to be called at once, and before what it still owes is rejected
   * with `CONNECTION_LOST`. A cause with code `SESSION_TAKEN` ends reconnecting.
   */
  lost(cause?: Error): void

  /** What is worth knowing and is not about connecting: `session-lost`, `messages-lost`, `error`. */
  status(status: TransportStatus): void

  /** An error that nobody awaits. */
  error(error: unknown): void

  /** The broker takes nothing for the time being: what is sent waits, as it does without a connection. */
  paused(): void

  /**
   * As `paused`, and what was sent reliably and is not confirmed yet never will be: it is sent again. To be called before
   * that is rejected with `CONNECTION_LOST`.
   */
  interrupted(): void

  /** Ends what {@link LinkEvents.paused} or {@link LinkEvents.interrupted} began. */
  resumed(): void
}

/** What a link receives by. */
export interface LinkSubscription extends Subscription {
  /**
   * Resolves, with why, when the broker has ended it while the connection goes on: it is established again, unless the
   * code is `SESSION_TAKEN`.
   */
  readonly ended?: Promise<CommlibError> | undefined
}

/**
 * One connection to a broker, while it lasts. What waits for the broker rejects with `CONNECTION_LOST` when the
 * connection ends, and with any other code when the broker refuses.
 */
export interface Link {
  /** Best-effort: resolves when written, or when there is room to write more. */
  publish(topic: string, frame: Frame, options?: PublishOptions): Promise<void>

  /**
   * Closing the subscription stops delivery at once, whether or not the connection still lives; that of a member of a
   * group when the broker has confirmed it, since nobody else gets what was given to it.
   */
  subscribe(pattern: string, onFrame: TopicListener, options?: LinkSubscribeOptions): Promise<LinkSubscription>

  /** Resolves when written, or, if `mandatory`, when the broker has told that somebody consumes. */
  push(queue: string, frame: Frame, options?: PushOptions): Promise<void>

  /** Resolves once the broker has acknowledged it. Closing it stops delivery when the broker has confirmed that. */
  pull(queue: string, onFrame: QueueListener, options?: PullOptions): Promise<LinkSubscription>

  /** Receives at every address that `replyTo()` of the driver makes. */
  inbox(onReply: ReplyListener, options?: InboxOptions): Promise<Inbox>

  /** Sends what was written, then disconnects, in bounded time. Calls no event. */
  close(): Promise<void>
}

/** Options of {@link Link.subscribe}. */
export interface LinkSubscribeOptions extends SubscribeOptions {
  /** What the driver remembers of this subscription from one connection to the next: nothing at first. */
  readonly memory?: { state?: unknown } | undefined
}
