import { assertTopic, CommlibError, type OfflineBufferOptions, randomId, show } from '@commlib/core/internal'
import type { DriverSettings } from '@commlib/mqtt/internal'

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

/** How the broker's certificate is checked, and the client's own. PEM text, or bytes. Only on Node. */
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

/** Options of {@link mqttLite}. */
export interface MqttLiteOptions {
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

  /** Seconds of silence after which the connection is given up; 0 never does. @default 30 */
  readonly keepalive?: number | undefined

  /** What the broker says when this client is gone. */
  readonly will?: WillOptions | undefined

  /** For mqtts; a browser has its own for wss. */
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

  /** What makes a WebSocket, where the platform has none: of the package `ws` on Node 20. */
  readonly webSocket?: typeof WebSocket | undefined
}

/** Options, checked and complete. */
export interface Settings extends DriverSettings {
  readonly host: string
  readonly port: number

  /** Of a WebSocket; `undefined` for TCP. */
  readonly path: string | undefined
  readonly tls: TlsOptions | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly keepalive: number
  readonly will: WillOptions | undefined
  readonly maxMessageBytes: number
  readonly sessionExpiry: number
  readonly receiveMaximum: number
  readonly webSocket: typeof WebSocket | undefined
}

const PORTS: Readonly<Record<string, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }

/** The URL schemes of this transport. */
export const schemes: readonly string[] = /* @__PURE__ */ Object.keys(PORTS)

/** Checks options and fills in the defaults. Throws `INVALID_OPTION`, naming the option. */
export function resolveOptions(address: string, given: MqttLiteOptions): Settings {
  let url: URL | undefined
  try {
    url = new URL(address)
  } catch {}
  const { protocol = '', hostname } = url ?? {}
  const scheme = protocol.slice(0, -1)
  const standard = PORTS[scheme]
  if (url === undefined || standard === undefined || !hostname) {
    const shown = String(address).replace(/\/\/.*@/, '//***@')
    throw new CommlibError('INVALID_OPTION', `not an MQTT URL: '${shown}' (such as ws://localhost:9001)`)
  }
  const defaults = {
    username: url.username === '' ? undefined : decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    clientId: `commlib-${randomId()}`,
    protocolVersion: undefined,
    keepalive: 30,
    will: undefined,
    tls: undefined,
    maxMessageBytes: 2 ** 24,
    sessionExpiry: 604_800,
    receiveMaximum: 256,
    group: 'commlib',
    inbox: undefined,
    offlineBuffer: {},
    connectTimeout: 10_000,
    webSocket: undefined,
  }
  for (const name of Object.keys(given)) {
    if (!(name in defaults))
      throw invalid(name, undefined, `is no option: there are ${Object.keys(defaults).join(', ')}`)
  }
  const settings = {
    ...defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  } as Defaulted
  const { clientId, protocolVersion, group, inbox, will, username, password, tls } = settings
  for (const [name, max] of LIMITS) {
    const value = settings[name]
    const min = name === 'keepalive' ? 0 : 1
    if (!Number.isInteger(value) || value < min || value > max) {
      throw invalid(name, value, `must be an integer from ${min} to ${max}`)
    }
  }
  if (![undefined, 4, 5].includes(protocolVersion)) {
    throw invalid('protocolVersion', protocolVersion, 'must be 5, or 4 for MQTT 3.1.1')
  }
  if (typeof clientId !== 'string' || clientId === '') throw invalid('clientId', clientId, 'must be a name')
  if (group !== false && !/^[^/+#]+$/.test(group))
    throw invalid('group', group, 'must be false or a name without /, + and #')
  if (inbox !== undefined && !/^[\w-]{1,128}$/.test(inbox))
    throw invalid('inbox', inbox, 'must be 1 to 128 letters, digits, _ and -')
  if (password !== undefined && username === undefined)
    throw invalid('username', username, 'is missing beside password')
  if (will !== undefined) assertTopic(will.topic)
  const secure = scheme === 'mqtts'
  if (tls !== undefined && !secure) throw invalid('tls', tls, `needs mqtts, not ${scheme}`)
  const host = hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || standard
  return {
    ...settings,
    target: `${scheme}://${hostname}:${port}`,
    host,
    port,
    path: scheme.startsWith('ws') ? (url.pathname === '/' ? '/mqtt' : url.pathname) + url.search : undefined,
    // An address is no name to ask for.
    tls: secure ? { ...(!/^[\d.]+$|:/.test(host) && { servername: host }), ...tls } : undefined,
    version: protocolVersion ?? 5,
    fallback: protocolVersion === undefined,
  }
}

type Defaulted = Omit<Settings, keyof DriverSettings | 'host' | 'port' | 'path'> &
  Pick<Settings, 'clientId' | 'group' | 'inbox' | 'offlineBuffer' | 'connectTimeout'> & {
    readonly protocolVersion: 4 | 5 | undefined
  }

const LIMITS = [
  ['keepalive', 65_535],
  ['receiveMaximum', 65_535],
  ['maxMessageBytes', 268_304_383],
  ['sessionExpiry', 0xffffffff],
  ['connectTimeout', 2 ** 31 - 1],
] as const

function invalid(name: string, value: unknown, why: string): CommlibError {
  return new CommlibError('INVALID_OPTION', `mqttLite: ${name} ${why}, not ${show(value)}`)
}
