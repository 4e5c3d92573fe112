import { assertOfflineBuffer, type OfflineBufferOptions } from '@commlib/core/internal'
import type { RedisOptions as ClientOptions } from 'ioredis'
import { assertAlone, type Place, reached, resolveCluster, resolveSentinels } from './places.ts'
import { defined, invalid, parseUrl, type Scheme, schemes, shownAddress } from './url.ts'

/** How the server's certificate is checked, and the client's own. PEM text, or bytes. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined

  /** The client's certificate. */
  readonly cert?: string | Uint8Array | undefined

  /** The client's private key. */
  readonly key?: string | Uint8Array | undefined

  /** Opens the private key. */
  readonly passphrase?: string | undefined

  /** Refuses a server whose certificate cannot be verified. @default true */
  readonly rejectUnauthorized?: boolean | undefined

  /** The name the certificate must have. @default the host */
  readonly servername?: string | undefined
}

/** Options of {@link redis}. */
export interface RedisOptions {
  /** How to connect, when there is no URL. @default 'redis', or as the URLs of `cluster` or `sentinels` */
  readonly protocol?: Scheme | undefined

  /** @default 'localhost' */
  readonly host?: string | undefined

  /** @default 6379 */
  readonly port?: number | undefined

  /** The path of a Unix socket, instead of host and port. */
  readonly path?: string | undefined

  /**
   * URLs of some nodes of a cluster, instead of host and port: `['redis://a:6379', 'redis://b:6379']`. The first that
   * answers tells where the others are. All of them take the same user, password and TLS.
   */
  readonly cluster?: readonly string[] | undefined

  /**
   * URLs of the sentinels that tell where the primary is, instead of host and port: `['redis://a:26379']`, with port 26379
   * unless they say another. A user and password in one are for that sentinel; those for the primary are options.
   */
  readonly sentinels?: readonly string[] | undefined

  /** What the sentinels call the primary, such as `mymaster`. Goes with `sentinels`. */
  readonly name?: string | undefined

  /** The number of the database. Topics are the same in all of them: Redis has them beside its databases. @default 0 */
  readonly db?: number | undefined

  /** The user of the server's access control list. */
  readonly username?: string | undefined

  /** The password of that user, or of all. */
  readonly password?: string | undefined

  /** For rediss. */
  readonly tls?: TlsOptions | undefined

  /** The version of Redis' protocol: 3, where the server knows it, or 2. @default 3 */
  readonly protocolVersion?: 2 | 3 | undefined

  /**
   * Seconds of silence after which the server is asked whether it is still there, and after which a blocking command is
   * renewed; 0 never asks.
   *
   * @default 30
   */
  readonly keepalive?: number | undefined

  /** Bytes of the largest body that is sent or received. @default 16 MiB */
  readonly maxMessageBytes?: number | undefined

  /**
   * About how many reliable messages of a topic the server keeps for who is slow or away. A subscriber that is further
   * behind is told `messages-lost`.
   *
   * @default 100_000
   */
  readonly maxLength?: number | undefined

  /**
   * Milliseconds after which what a member of a group has not settled is given to another one: more than any handler
   * takes.
   *
   * @default 60_000
   */
  readonly claimAfter?: number | undefined

  /** What is kept while there is no connection. */
  readonly offlineBuffer?: OfflineBufferOptions | undefined

  /** Milliseconds that an attempt to connect may take. @default 10_000 */
  readonly connectTimeout?: number | undefined

  /** Whatever else ioredis takes. What has an option above, and how to reconnect, is not taken from here. */
  readonly client?: ClientOptions | undefined
}

/** Options, checked and complete. */
export interface Settings {
  /** Scheme, host and port, for error messages. */
  readonly target: string

  /** Where to connect to. */
  readonly place: Place

  /** Milliseconds. */
  readonly keepalive: number

  /** Seconds until a blocking command comes back by itself. */
  readonly blockTime: number
  readonly maxMessageBytes: number
  readonly maxLength: number
  readonly claimAfter: number
  readonly offlineBuffer: OfflineBufferOptions
  readonly connectTimeout: number

  /** What every connection of ioredis is given; host and port too, where there is but one server. */
  readonly client: ClientOptions
}

const KNOWN = new Set([
  'protocol',
  'host',
  'port',
  'path',
  'cluster',
  'sentinels',
  'name',
  'db',
  'username',
  'password',
  'tls',
  'protocolVersion',
  'keepalive',
  'maxMessageBytes',
  'maxLength',
  'claimAfter',
  'offlineBuffer',
  'connectTimeout',
  'client',
])
const KNOWN_BUFFER = new Set(['maxMessages', 'maxBytes', 'policy'])
const KNOWN_TLS = new Set(['ca', 'cert', 'key', 'passphrase', 'rejectUnauthorized', 'servername'])

/** Checks options and fills in the defaults. Throws `INVALID_OPTION`, naming the option. */
export function resolveOptions(url: string | undefined, given: RedisOptions = {}): Settings {
  if (!isObject(given)) throw invalid('options', given, 'must be an object')
  const options: RedisOptions = { ...(url === undefined ? {} : parseUrl(url)), ...defined(given) }
  for (const key of Object.keys(options))
    if (!KNOWN.has(key)) throw invalid(key, undefined, `is not an option: ${[...KNOWN].join(', ')}`)
  for (const key of ['tls', 'offlineBuffer', 'client'] as const)
    if (options[key] !== undefined && !isObject(options[key])) throw invalid(key, options[key], 'must be an object')
  assertAlone(url, options)
  const { tls = {}, host = 'localhost', path } = options
  const cluster = options.cluster === undefined ? undefined : resolveCluster(options)
  const sentinels = options.sentinels === undefined ? undefined : resolveSentinels(options)
  const { username, password } = cluster ?? options

  const protocol =
    cluster?.protocol ?? options.protocol ?? sentinels?.protocol ?? (path === undefined ? 'redis' : 'unix')
  if (!schemes.includes(protocol)) throw invalid('protocol', protocol, `must be one of ${schemes.join(', ')}`)
  if (string('host', host) === '' || /[\s/@]/.test(host))
    throw invalid('host', host, 'must be a host name or an IP address')
  if (protocol === 'unix' && (path === undefined || !string('path', path).startsWith('/')))
    throw invalid('path', path, "must begin with '/': it is the path of a Unix socket")
  if (protocol !== 'unix' && path !== undefined) throw invalid('path', path, `is for unix, not ${protocol}`)
  const port = integer('port', options.port ?? 6379, 1, 65_535)
  const db = integer('db', options.db ?? 0, 0, 2 ** 31 - 1)
  if (username !== undefined) string('username', username)
  if (password !== undefined && typeof password !== 'string') throw invalid('password', undefined, 'must be a string')
  if (username !== undefined && password === undefined)
    throw invalid('password', undefined, 'is missing: Redis takes a username only with one')
  const version = options.protocolVersion ?? 3
  if (version !== 2 && version !== 3) throw invalid('protocolVersion', version, 'must be 3, or 2')
  for (const key of Object.keys(options.offlineBuffer ?? {}))
    if (!KNOWN_BUFFER.has(key))
      throw invalid(`offlineBuffer.${key}`, undefined, `is not an option: ${[...KNOWN_BUFFER].join(', ')}`)
  assertOfflineBuffer(options.offlineBuffer ?? {})
  assertTls(tls)
  const secure = protocol === 'rediss' || sentinels?.secure
  if (!secure && options.tls !== undefined) throw invalid('tls', undefined, `needs rediss, not ${protocol}`)
  const keepalive = number('keepalive', options.keepalive ?? 30, 0, 65_535)
  const base = {
    ...options.client,
    db,
    protocol: version,
  } satisfies ClientOptions
  /** What a connection to a server is given, but for where that is. */
  const login = (user: string | undefined, secret: string | undefined, encrypted: boolean): ClientOptions => ({
    ...base,
    ...(user !== undefined && { username: user }),
    ...(secret !== undefined && { password: secret }),
    // ioredis takes what Node's TLS takes, which is any bytes, whatever its types say.
    ...(encrypted && { tls: { ...defined(tls), rejectUnauthorized: tls.rejectUnauthorized ?? true } as object }),
  })
  const one = protocol === 'unix' ? { path: path as string } : { host, port }
  const single = {
    kind: 'server',
    target: protocol === 'unix' ? `unix:${path}` : shownAddress(protocol, host, port),
  } as const
  const place: Place = cluster ?? (sentinels === undefined ? single : reached(sentinels, login))

  return {
    target: place.target,
    place,
    keepalive: keepalive * 1000,
    // Even where nobody asks: a blocking command that never returns could outlive its connection.
    blockTime: keepalive === 0 ? 30 : keepalive,
    maxMessageBytes: integer('maxMessageBytes', options.maxMessageBytes ?? 16 * 1024 * 1024, 1, 512 * 1024 * 1024),
    maxLength: integer('maxLength', options.maxLength ?? 100_000, 1, 2 ** 31 - 1),
    claimAfter: integer('claimAfter', options.claimAfter ?? 60_000, 10, 2 ** 31 - 1),
    offlineBuffer: options.offlineBuffer ?? {},
    connectTimeout: integer('connectTimeout', options.connectTimeout ?? 10_000, 1, 2 ** 31 - 1),
    client: { ...login(username, password, protocol === 'rediss'), ...(place.kind === 'server' && one) },
  }
}

function assertTls(tls: TlsOptions): void {
  for (const [key, value] of Object.entries(tls)) {
    const name = `tls.${key}`
    if (!KNOWN_TLS.has(key)) throw invalid(name, undefined, `is not an option: ${[...KNOWN_TLS].join(', ')}`)
    if (value === undefined) continue
    if (key === 'rejectUnauthorized') {
      if (typeof value !== 'boolean') throw invalid(name, value, 'must be true or false')
    } else if (key === 'servername') string(name, value)
    // The value is not shown: it may be a private key.
    else if (typeof value !== 'string' && (key === 'passphrase' || !(value instanceof Uint8Array)))
      throw invalid(name, undefined, key === 'passphrase' ? 'must be a string' : 'must be PEM text, or its bytes')
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function string(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, value, 'must be a string')
  return value
}

function number(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw invalid(name, value, `must be a number from ${min} to ${max}`)
  return value
}

function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, value, `must be a whole number from ${min} to ${max}`)
  }
  return value
}
