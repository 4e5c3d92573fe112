import type { Delivery } from '../contracts/contract.ts'
import type { Frame, Transport } from '../transport.ts'

/**
 * Tells repeated messages, for one subscription: made by `dedup()`.
 *
 * @returns whether a frame is one that was had before
 */
export type Dedup = (transport: Transport) => (frame: Frame) => boolean

/** How messages are received, unless their contract says so. */
export interface SubscriberOptions extends Omit<Delivery, 'batch'> {
  /** Ends the subscription when it aborts. An iteration ends quietly. */
  readonly signal?: AbortSignal | undefined

  /**
   * Messages kept while a handler or a reader is busy; past it the oldest is dropped, counted and told as the status
   * `messages-lost`. Reliable messages are held back by the broker instead.
   *
   * @default 1000
   */
  readonly maxBuffered?: number | undefined

  /** Shares the messages among all subscribers that give this name. */
  readonly group?: string | undefined

  /** Names a subscription that outlives its process: the broker keeps what arrives meanwhile. Implies `reliable`. */
  readonly durable?: string | undefined

  /** Tells the members of a durable group apart, on brokers that need it (MQTT). */
  readonly member?: string | undefined

  /**
   * Drops what comes a second time: `dedup: dedup({ time: 60_000 })`. Reliable messages of commlib publishers carry an id,
   * by which they are known again when a broker or a bridge repeats them. Fails with `UNSUPPORTED` where headers do not
   * travel.
   *
   * @default every delivery is handed over
   */
  readonly dedup?: Dedup | undefined

  /**
   * Times a message is handed again to a handler that throws, before it is given up.
   *
   * @default 0
   */
  readonly retries?: number | undefined

  /**
   * Milliseconds after which a handler that hangs is told to stop and no longer waited for.
   *
   * @default 30_000, and no limit for an iteration
   */
  readonly handlerTimeout?: number | undefined
}

export const DEFAULT_MAX_BUFFERED = 1000
