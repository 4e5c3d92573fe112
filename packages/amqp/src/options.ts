import {
  assertOfflineBuffer,
  assertOptions,
  CommlibError,
  type OfflineBufferOptions,
  type Rule,
  type Rules,
  show,
} from '@commlib/core/internal'
import type { LinkOptions } from './link.ts'

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

/** Options of {@link amqp}. */
export interface AmqpOptions {
  /** How to connect, when there is no URL. @default 'amqp' */
  readonly protocol?: 'amqp' | 'amqps' | undefined

  /** @default 'localhost' */
  readonly host?: string | undefined

  /** @default 5672 for amqp, 5671 for amqps */
  readonly port?: number | undefined

  /** The user that the broker knows. @default 'guest' */
  readonly username?: string | undefined

  /** The password of that user. @default 'guest' */
  readonly password?: string | undefined

  /** The virtual host, which has exchanges, queues and permissions of its own. @default '/' */
  readonly vhost?: string | undefined

  /**
   * `external` is known by its certificate, not by a password: for amqps, where the broker has the plugin
   * rabbitmq_auth_mechanism_ssl.
   *
   * @default 'plain'
   */
  readonly auth?: 'plain' | 'external' | undefined

  /** For amqps. */
  readonly tls?: TlsOptions | undefined

  /** The exchange of topics, of type topic; any other than `amq.topic` is declared. @default 'amq.topic' */
  readonly exchange?: string | undefined

  /**
   * Seconds of silence, about, after which the connection is suspected, and given up after twice that; 0 never does.
   *
   * @default 10
   */
  readonly heartbeat?: number | undefined

  /** Messages that a reliable subscription may have before they are acknowledged. @default 256 */
  readonly prefetch?: number | undefined

  /** Seconds the broker keeps a durable subscription while nobody uses it. @default 7 days */
  readonly durableExpiry?: number | undefined

  /** Bytes of the largest body that is sent or received. @default 16 MiB */
  readonly maxMessageBytes?: number | undefined

  /** What is kept while there is no connection, or the broker takes nothing. */
  readonly offlineBuffer?: OfflineBufferOptions | undefined

  /** Milliseconds that an attempt to connect may take, all URLs together. @default 10_000 */
  readonly connectTimeout?: number | undefined
}

/** One broker, or one node of a cluster. */
export interface Address {
  /** Scheme, host and port, for error messages. */
  readonly target: string
  readonly protocol: 'amqp' | 'amqps'
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

/** Options, checked and complete. */
export interface Settings extends LinkOptions {
  readonly addresses: readonly [Address, ...Address[]]
  readonly auth: 'plain' | 'external'
  readonly tls: TlsOptions
  readonly heartbeat: number
  readonly offlineBuffer: OfflineBufferOptions
  readonly connectTimeout: number
}

/** The URL schemes of this transport. */
export const schemes: readonly string[] = ['amqp', 'amqps']

const PORTS = { amqp: 5672, amqps: 5671 } as const

const text: Rule = ['a string', value => typeof value === 'string']
const flag: Rule = ['true or false', value => typeof value === 'boolean']
const object: Rule = ['an object', value => typeof value === 'object' && value !== null]
const pem: Rule = ['PEM text, or its bytes', value => typeof value === 'string' || value instanceof Uint8Array]
const host: Rule = ['a host name or an IP address', value => typeof value === 'string' && /^[^\s/@]+$/.test(value)]
const short: Rule = [
  'a string of at most 127 bytes',
  value => typeof value === 'string' && Buffer.byteLength(value) < 128,
]

/** A secret is not shown, whatever it is. */
const secret = (what: string): Rule => [what, value => typeof value === 'string']

function oneOf(...values: readonly string[]): Rule {
  return [`one of ${values.join(', ')}`, value => values.includes(value as string)]
}

function integer(min: number, max: number): Rule {
  return [
    `a whole number from ${min} to ${max}`,
    value => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  ]
}

/** What each option must be. The README has a line for each. */
const RULES: Rules = {
  protocol: oneOf('amqp', 'amqps'),
  host,
  port: integer(1, 65_535),
  username: text,
  password: text,
  vhost: short,
  auth: oneOf('plain', 'external'),
  tls: object,
  exchange: ['a name of 1 to 127 bytes', value => short[1](value) && value !== ''],
  heartbeat: integer(0, 65_535),
  prefetch: integer(1, 65_535),
  durableExpiry: integer(1, 2 ** 31),
  maxMessageBytes: integer(1, 512 * 1024 * 1024),
  offlineBuffer: object,
  connectTimeout: integer(1, 2 ** 31 - 1),
}

const TLS_RULES: Rules = {
  ca: pem,
  cert: pem,
  key: pem,
  passphrase: secret('a string'),
  rejectUnauthorized: flag,
  servername: text,
}

/** Its values have a check of their own. */
const BUFFER_RULES: Rules = {
  maxMessages: ['', () => true],
  maxBytes: ['', () => true],
  policy: ['', () => true],
}

const SECRETS = ['password', 'passphrase', 'key', 'cert', 'ca'] as const

/** Checks options and fills in the defaults. Throws `INVALID_OPTION`, naming the option. */
export function resolveOptions(urls: readonly string[], given: AmqpOptions = {}): Settings {
  assertWithoutSecrets(given, RULES)
  const { tls = {}, offlineBuffer = {}, auth = 'plain' } = given
  assertWithoutSecrets(tls, TLS_RULES, 'tls.')
  assertOptions('amqp()', offlineBuffer, BUFFER_RULES, 'offlineBuffer.')
  assertOfflineBuffer(offlineBuffer)
  const [first, ...others] = (urls.length === 0 ? [undefined] : urls).map(url => addressOf(url, given))
  const addresses = [first as Address, ...others] as const // there is one for each, and one without any
  if (given.tls !== undefined && addresses.some(({ protocol }) => protocol === 'amqp')) {
    throw invalid('tls needs amqps, not amqp')
  }
  if (auth === 'external' && (tls.cert === undefined || addresses.some(({ protocol }) => protocol === 'amqp'))) {
    throw invalid("auth 'external' needs amqps, and tls.cert and tls.key")
  }
  const connectTimeout = given.connectTimeout ?? 10_000
  return {
    addresses,
    auth,
    tls,
    exchange: given.exchange ?? 'amq.topic',
    heartbeat: given.heartbeat ?? 10,
    prefetch: given.prefetch ?? 256,
    durableExpiry: (given.durableExpiry ?? 7 * 24 * 3600) * 1000,
    maxMessageBytes: given.maxMessageBytes ?? 16 * 1024 * 1024,
    offlineBuffer,
    connectTimeout,
    // The others are not to wait for one that hangs.
    patience: connectTimeout / 2,
  }
}

/** What a URL says, unless an option says otherwise. */
function addressOf(url: string | undefined, given: AmqpOptions): Address {
  const said = url === undefined ? {} : parseUrl(url)
  const pick = <K extends keyof AmqpOptions>(key: K): AmqpOptions[K] => given[key] ?? said[key]
  const protocol = pick('protocol') ?? 'amqp'
  const host = pick('host') ?? 'localhost'
  const port = pick('port') ?? PORTS[protocol]
  return {
    target: `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    protocol,
    host,
    port,
    username: pick('username') ?? 'guest',
    password: pick('password') ?? (pick('username') === undefined ? 'guest' : ''),
    vhost: pick('vhost') ?? '/',
  }
}

function parseUrl(text: string): AmqpOptions {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid(`url ${show(redact(text))} is not a URL such as amqp://localhost:5672`)
  }
  const protocol = url.protocol.slice(0, -1)
  if (protocol !== 'amqp' && protocol !== 'amqps')
    throw invalid(`url ${show(redact(text))} must begin with amqp:// or amqps://`)
  if (/[@#]/.test(url.pathname + url.search + url.hash))
    throw invalid(`url ${show(redact(text))} has an @ or # after its host: in a password they are %40 and %23`)
  if (url.hostname === '') throw invalid(`url ${show(redact(text))} names no host`)
  if (url.search !== '') throw invalid(`url ${show(redact(text))} has parameters: give them as options`)
  if (url.pathname.indexOf('/', 1) !== -1)
    throw invalid(`url ${show(redact(text))} has more than a vhost as its path: a / in its name is %2F`)
  return {
    protocol,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    username: url.username === '' ? undefined : decode(url.username, text),
    password: url.password === '' ? undefined : decode(url.password, text),
    // An empty path is the default vhost, as `/` is in most programs.
    vhost: url.pathname.length < 2 ? undefined : decode(url.pathname.slice(1), text),
  }
}

function decode(part: string, url: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalid(`url ${show(redact(url))} has a % that is not followed by two digits: it is %25`)
  }
}

/** Leaves out what stands before an @: it may be a password, wherever the slashes are. */
function redact(url: string): string {
  return url.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?.*@/is, '$1***@')
}

/** As `assertOptions`, but shows no value that may be a secret. */
function assertWithoutSecrets(options: unknown, rules: Rules, prefix = ''): void {
  for (const name of SECRETS) {
    const value = (options as Record<string, unknown> | null)?.[name]
    const rule = rules[name]
    if (value !== undefined && rule !== undefined && !rule[1](value))
      throw invalid(`${prefix}${name} must be ${rule[0]}`)
  }
  assertOptions('amqp()', options, rules, prefix)
}

function invalid(why: string): CommlibError {
  return new CommlibError('INVALID_OPTION', `amqp: ${why}`)
}
