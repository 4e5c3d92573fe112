import { CommlibError, randomId } from '@commlib/core/internal'
import type { DriverSettings, SessionOptions, TlsOptions, WillOptions } from '@commlib/mqtt/internal'

/** Options of {@link mqttLite}. */
export interface MqttLiteOptions extends SessionOptions {
  /** For mqtts, and only on Node: for wss a browser has its own. */
  readonly tls?: TlsOptions | undefined

  /** What makes a WebSocket, where the platform has none: of the package `ws` on Node 20. */
  readonly webSocket?: typeof WebSocket | undefined
}

/** Options, complete. */
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

/** Throws `INVALID_OPTION`, naming the option. The plain entry has one, the lean entry none. */
export type OptionCheck = (given: MqttLiteOptions, options: Defaulted, scheme: string) => void

/** Fills in the defaults. Throws `INVALID_OPTION` for what is no URL, and as `check` does. */
export function resolveOptions(address: string, given: MqttLiteOptions, check: OptionCheck | undefined): Settings {
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
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    clientId: `commlib-${randomId()}`,
    keepalive: 30,
    maxMessageBytes: 2 ** 24,
    sessionExpiry: 604_800,
    receiveMaximum: 256,
    group: 'commlib',
    offlineBuffer: {},
    connectTimeout: 10_000,
  }
  const settings = {
    ...defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  } as Defaulted
  check?.(given, settings, scheme)
  const { protocolVersion, tls } = settings
  const secure = scheme === 'mqtts'
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

/** Options with their defaults. */
export type Defaulted = Omit<Settings, keyof DriverSettings | 'host' | 'port' | 'path'> &
  Pick<Settings, 'clientId' | 'group' | 'inbox' | 'offlineBuffer' | 'connectTimeout'> & {
    readonly protocolVersion: 4 | 5 | undefined
  }
