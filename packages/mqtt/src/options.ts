import { assertOfflineBuffer, assertTopic, CommlibError, show } from '@commlib/core/internal'
import type { IClientOptions } from 'mqtt'
import type { DriverSettings } from './driver.ts'
import { SESSION_OPTIONS, type SessionOptions, type TlsOptions, type WillOptions } from './session-options.ts'

export type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss'

/** Options of {@link mqtt}. */
export interface MqttOptions extends SessionOptions {
  /** How to connect, when there is no URL. @default 'mqtt' */
  readonly protocol?: Scheme | 'tcp' | 'ssl' | 'tls' | undefined

  /** @default 'localhost' */
  readonly host?: string | undefined

  /** @default 1883 for mqtt, 8883 for mqtts, 80 for ws, 443 for wss */
  readonly port?: number | undefined

  /** The path of a WebSocket. @default '/mqtt' */
  readonly path?: string | undefined

  /** Whatever else mqtt.js takes. What has an option above, and how to reconnect, is not taken from here. */
  readonly client?: IClientOptions | undefined
}

/** Options, checked and complete. */
export interface Settings extends DriverSettings {
  readonly maxMessageBytes: number
  readonly sessionExpiry: number

  /** What every connection of mqtt.js is given. */
  readonly client: IClientOptions
  readonly will: IClientOptions['will']
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  mqtt: 'mqtt',
  tcp: 'mqtt',
  mqtts: 'mqtts',
  ssl: 'mqtts',
  tls: 'mqtts',
  ws: 'ws',
  wss: 'wss',
}
const PORTS: Readonly<Record<Scheme, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }
const KNOWN = new Set<string>(['protocol', 'host', 'port', 'path', ...SESSION_OPTIONS, 'client'])
const KNOWN_BUFFER = new Set(['maxMessages', 'maxBytes', 'policy'])
const KNOWN_WILL = new Set(['topic', 'payload', 'reliable', 'latched'])
const KNOWN_TLS = new Set(['ca', 'cert', 'key', 'passphrase', 'rejectUnauthorized', 'servername'])

/** The URL schemes of this transport. */
export const schemes: readonly string[] = Object.keys(SCHEMES)

/** Checks options and fills in the defaults. Throws `INVALID_OPTION`, naming the option. */
export function resolveOptions(url: string | undefined, given: MqttOptions = {}, randomId: () => string): Settings {
  if (!isObject(given)) throw invalid('options', given, 'must be an object')
  const options: MqttOptions = { ...(url === undefined ? {} : parseUrl(url)), ...defined(given) }
  for (const key of Object.keys(options))
    if (!KNOWN.has(key)) throw invalid(key, undefined, `is not an option: ${[...KNOWN].join(', ')}`)
  for (const key of ['tls', 'will', 'offlineBuffer', 'client'] as const)
    if (options[key] !== undefined && !isObject(options[key])) throw invalid(key, options[key], 'must be an object')
  const { username, password, tls = {}, will, group = 'commlib', path = '/mqtt', host = 'localhost' } = options

  const protocol = SCHEMES[string('protocol', options.protocol ?? 'mqtt')]
  if (protocol === undefined) throw invalid('protocol', options.protocol, `must be one of ${schemes.join(', ')}`)
  if (string('host', host) === '' || /[\s/@]/.test(host))
    throw invalid('host', host, 'must be a host name or an IP address')
  const port = integer('port', options.port ?? PORTS[protocol], 1, 65_535)
  if (!string('path', path).startsWith('/')) throw invalid('path', path, "must begin with '/'")
  if (username !== undefined) short('username', username)
  if (password !== undefined && typeof password !== 'string') throw invalid('password', undefined, 'must be a string')
  if (password !== undefined && new TextEncoder().encode(password).length > 65_535)
    throw invalid('password', undefined, 'must be of at most 65535 bytes')
  if (password !== undefined && username === undefined)
    throw invalid('username', undefined, 'is missing: MQTT takes a password only with one')
  const version = options.protocolVersion ?? 5
  if (version !== 4 && version !== 5) throw invalid('protocolVersion', version, 'must be 5, or 4 for MQTT 3.1.1')
  if (group !== false && (typeof group !== 'string' || group === '' || /[/+#]/.test(group))) {
    throw invalid('group', group, 'must be false or a name without /, + and #')
  }
  if (options.inbox !== undefined && !/^[\w-]{1,128}$/.test(string('inbox', options.inbox)))
    throw invalid('inbox', options.inbox, 'must be 1 to 128 letters, digits, _ and -')
  const clientId = options.clientId ?? `commlib-${randomId()}`
  if (short('clientId', clientId) === '') throw invalid('clientId', clientId, 'must not be empty')
  for (const key of Object.keys(options.offlineBuffer ?? {}))
    if (!KNOWN_BUFFER.has(key))
      throw invalid(`offlineBuffer.${key}`, undefined, `is not an option: ${[...KNOWN_BUFFER].join(', ')}`)
  assertOfflineBuffer(options.offlineBuffer ?? {})
  assertTls(tls)
  const secure = protocol === 'mqtts' || protocol === 'wss'
  if (!secure && options.tls !== undefined) throw invalid('tls', undefined, `needs mqtts or wss, not ${protocol}`)
  const maxMessageBytes = integer('maxMessageBytes', options.maxMessageBytes ?? 16 * 1024 * 1024, 1, 268_435_455)
  const receiveMaximum = integer('receiveMaximum', options.receiveMaximum ?? 256, 1, 65_535)
  const websocket = protocol === 'ws' || protocol === 'wss'

  return {
    target: `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    clientId,
    version,
    fallback: options.protocolVersion === undefined,
    maxMessageBytes,
    sessionExpiry: integer('sessionExpiry', options.sessionExpiry ?? 7 * 24 * 3600, 1, 0xffffffff),
    group,
    inbox: options.inbox,
    offlineBuffer: options.offlineBuffer ?? {},
    connectTimeout: integer('connectTimeout', options.connectTimeout ?? 10_000, 1, 2 ** 31 - 1),
    will: will === undefined ? undefined : resolveWill(will),
    client: {
      ...options.client,
      protocol,
      // A WebSocket's address is a URL again.
      host: websocket && host.includes(':') ? `[${host}]` : host,
      port,
      ...(websocket && { path }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      keepalive: integer('keepalive', options.keepalive ?? 30, 0, 65_535),
      ...(secure && tlsOptions(tls, protocol, options.client)),
      properties: {
        ...options.client?.properties,
        receiveMaximum,
        // The reader knows none, and a message without a topic would be lost.
        topicAliasMaximum: 0,
        // Room for what is not the body.
        maximumPacketSize: maxMessageBytes + 128 * 1024,
      },
    },
  }
}

function parseUrl(text: string): MqttOptions {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid('url', redact(text), 'is not a URL such as mqtt://localhost:1883')
  }
  const protocol = url.protocol.slice(0, -1)
  if (/[@#]/.test(url.pathname + url.search + url.hash))
    throw invalid('url', redact(text), 'has an @ or # after its host: in a password they are %40 and %23')
  if (SCHEMES[protocol] === undefined)
    throw invalid('url', redact(text), `must begin with one of ${schemes.map(scheme => `${scheme}://`).join(', ')}`)
  if (url.hostname === '') throw invalid('url', redact(text), 'names no host')
  return defined({
    protocol: SCHEMES[protocol],
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname === '' || url.pathname === '/' ? undefined : url.pathname + url.search,
    username: url.username === '' ? undefined : decode(url.username, text),
    password: url.password === '' ? undefined : decode(url.password, text),
  })
}

function decode(part: string, url: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalid('url', redact(url), 'has a % in its user or password that is not followed by two digits: it is %25')
  }
}

/** Leaves out what stands before an @: it may be a password, wherever the slashes are. */
function redact(text: string): string {
  return text.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?.*@/is, '$1***@')
}

function tlsOptions(tls: TlsOptions, protocol: Scheme, client: IClientOptions = {}): IClientOptions {
  const { servername, ...rest } = { ...tls, rejectUnauthorized: tls.rejectUnauthorized ?? true }
  const options = defined(rest) as IClientOptions // mqtt.js types Buffer where TLS takes any bytes
  if (servername === undefined) return options
  // mqtt.js does not hand a server name on to a WebSocket.
  return protocol === 'wss'
    ? { ...options, wsOptions: { ...client.wsOptions, servername } as object }
    : { ...options, servername }
}

function resolveWill(will: WillOptions): NonNullable<IClientOptions['will']> {
  for (const key of Object.keys(will))
    if (!KNOWN_WILL.has(key)) throw invalid(`will.${key}`, undefined, `is not an option: ${[...KNOWN_WILL].join(', ')}`)
  assertTopic(will.topic)
  boolean('will.reliable', will.reliable)
  boolean('will.latched', will.latched)
  const { payload } = will
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    throw invalid('will.payload', payload, 'must be a string or a Uint8Array')
  const size = typeof payload === 'string' ? new TextEncoder().encode(payload).length : payload.length
  if (size > 65_535) throw invalid('will.payload', undefined, `has ${size} bytes; MQTT takes 65535`)
  return {
    topic: will.topic.replaceAll('.', '/'),
    payload: payload as string, // bytes are written as they are
    qos: will.reliable ? 1 : 0,
    retain: will.latched ?? false,
  }
}

function assertTls(tls: TlsOptions): void {
  for (const [key, value] of Object.entries(tls)) {
    const name = `tls.${key}`
    if (!KNOWN_TLS.has(key)) throw invalid(name, undefined, `is not an option: ${[...KNOWN_TLS].join(', ')}`)
    if (value === undefined) continue
    if (key === 'rejectUnauthorized') boolean(name, value)
    else if (key === 'servername') string(name, value)
    // The value is not shown: it may be a private key.
    else if (typeof value !== 'string' && (key === 'passphrase' || !(value instanceof Uint8Array)))
      throw invalid(name, undefined, key === 'passphrase' ? 'must be a string' : 'must be PEM text, or its bytes')
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function boolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(name, value, 'must be true or false')
}

/** A text that MQTT takes. */
function short(name: string, value: unknown): string {
  const text = string(name, value)
  if (/\p{Cc}/u.test(text) || new TextEncoder().encode(text).length > 65_535)
    throw invalid(name, text, 'must be of at most 65535 bytes, without control characters')
  return text
}

function string(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, value, 'must be a string')
  return value
}

function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, value, `must be a whole number from ${min} to ${max}`)
  }
  return value
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function invalid(name: string, value: unknown, why: string): CommlibError {
  const shown = value === undefined ? '' : ` (${show(typeof value === 'string' ? redact(value) : value)})`
  return new CommlibError('INVALID_OPTION', `mqtt: ${name}${shown} ${why}`)
}
