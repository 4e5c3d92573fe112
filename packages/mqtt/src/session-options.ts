import type { OfflineBufferOptions } from '@commlib/core/internal'

/** What the broker publishes when this client disappears without saying goodbye. */
export interface WillOptions {
  /** A dotted topic. */
  readonly topic: string

  /** The body, as it is sent. */
  readonly payload: string | Uint8Array

  /** Delivered at least once. @default false */
  readonly reliable?: boolean | undefined

  /** Kept for subscribers that come later. @default false */
  readonly latched?: boolean | undefined
}

/** How the broker's certificate is checked, and the client's own. PEM text, or bytes. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined

  /** The client's certificate. */
  readonly cert?: string | Uint8Array | undefined

  /** The client's private key. */
  readonly key?: string | Uint8Array | undefined

  /** Opens the private key. */
  readonly passphrase?: string | undefined

  /** Refuses a broker whose certificate cannot be verified. @default true */
  readonly rejectUnauthorized?: boolean | undefined

  /** The name the certificate must have. @default the host */
  readonly servername?: string | undefined
}

/** What can be said of a connection, whatever makes it. */
export interface SessionOptions {
  /** The user that the broker knows. */
  readonly username?: string | undefined

  /** The password of that user. */
  readonly password?: string | undefined

  /** Names this client to the broker, which allows one connection a name. @default 'commlib-' and a random id */
  readonly clientId?: string | undefined

  /**
   * 5, or 4 for MQTT 3.1.1, which has no message expiry, no headers, and cannot tell that nobody serves a call. When left
   * out, a broker that refuses 5 is spoken to in 3.1.1, which is reported once.
   *
   * @default 5
   */
  readonly protocolVersion?: 4 | 5 | undefined

  /** Seconds of silence after which the broker is asked whether it is still there; 0 never asks. @default 30 */
  readonly keepalive?: number | undefined

  /** What the broker says when this client is gone. */
  readonly will?: WillOptions | undefined

  /** For mqtts and wss. */
  readonly tls?: TlsOptions | undefined

  /** Bytes of the largest body that is sent or received. @default 16 MiB */
  readonly maxMessageBytes?: number | undefined

  /** Seconds the broker keeps a durable subscription while nobody is connected. @default 7 days */
  readonly sessionExpiry?: number | undefined

  /** Reliable messages the broker may send before they are acknowledged. @default 256 */
  readonly receiveMaximum?: number | undefined

  /**
   * The share group in which services of one name share their requests; `false` where the broker has no shared
   * subscriptions, and every instance then answers.
   *
   * @default 'commlib'
   */
  readonly group?: string | false | undefined

  /**
   * A name that return addresses begin with, `rpc-/<inbox>/…` as MQTT has them, for access control: with the user's name,
   * each user can be granted the answers to its own calls and no others.
   *
   * @default none: they begin with `rpc-` and random digits
   */
  readonly inbox?: string | undefined

  /** What is kept while there is no connection. */
  readonly offlineBuffer?: OfflineBufferOptions | undefined

  /** Milliseconds that an attempt to connect may take. @default 10_000 */
  readonly connectTimeout?: number | undefined
}

/** Their names. */
export const SESSION_OPTIONS: ReadonlyArray<keyof SessionOptions> = [
  'username',
  'password',
  'clientId',
  'protocolVersion',
  'keepalive',
  'will',
  'tls',
  'maxMessageBytes',
  'sessionExpiry',
  'receiveMaximum',
  'group',
  'inbox',
  'offlineBuffer',
  'connectTimeout',
]
