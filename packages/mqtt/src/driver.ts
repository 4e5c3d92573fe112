import {
  CommlibError,
  type Driver,
  type Link,
  type LinkEvents,
  type OfflineBufferOptions,
  randomId,
  type TransportSupports,
} from '@commlib/core/internal'
import type { Connection } from './connection.ts'
import { VersionRefused } from './errors.ts'
import { createLink } from './link.ts'
import { TakeoverGuess } from './takeover.ts'

/** What a driver has to know, however its connections are made. */
export interface DriverSettings {
  /** Scheme, host and port, for error messages. */
  readonly target: string
  readonly clientId: string
  readonly version: 4 | 5

  /** 3.1.1 may be tried where 5 is refused. */
  readonly fallback: boolean

  /** The share group of services. */
  readonly group: string | false

  /** What return addresses begin with, so that access control can name them. */
  readonly inbox: string | undefined
  readonly offlineBuffer: OfflineBufferOptions
  readonly connectTimeout: number
}

/** How one connection is to be opened. */
export interface OpenSession {
  readonly version: 4 | 5
  readonly clientId: string

  /** The broker keeps subscriptions and messages when the connection ends. */
  readonly durable: boolean

  /** The broker is told what to say when this client is gone. */
  readonly will: boolean
  readonly signal: AbortSignal
}

/** Opens one connection. Rejects with {@link VersionRefused} where another version may do. */
export type OpenConnection = (session: OpenSession, events: LinkEvents) => Promise<Connection>

export interface DriverOptions {
  /** The broker keeps the session of this client id. */
  readonly durable?: { readonly name: string; readonly clientId: string } | undefined

  /** What else must be there before this is called connected. */
  readonly ready?: (() => Promise<void>) | undefined
}

/** A driver for one client id. */
export function createDriver(
  settings: DriverSettings,
  openConnection: OpenConnection,
  { durable, ready }: DriverOptions = {},
): Driver {
  const { target } = settings
  const { inbox } = settings
  const inboxRoot = `rpc-${inbox === undefined ? '' : `.${inbox}.`}${randomId()}`
  const clientId = durable?.clientId ?? settings.clientId
  let version = settings.version
  let knows5 = false
  let hadSession = false
  let toldVersion = false
  const takeover = new TakeoverGuess()

  return {
    name: 'mqtt',
    target,
    supports: supportsOf(settings, () => version),
    replyTo: token => `${inboxRoot}.${token}`,
    open: async (given, { signal }) => {
      let connectedAt = Infinity
      let link: Link | undefined
      let ended = false
      const events: LinkEvents = {
        ...given,
        lost: cause => {
          if (ended) return
          ended = true
          const taken = takeover.ended(performance.now() - connectedAt, cause === undefined)
          const message = `${target} ends each connection right after accepting it: another client may use the id '${clientId}'`
          given.lost(taken ? new CommlibError('SESSION_TAKEN', message) : cause)
          // What is left of it, where it was more than one connection.
          void link?.close().catch(given.error)
        },
      }
      const session = { clientId, durable: durable !== undefined, will: durable === undefined, signal }
      let first: Connection
      let speaks = version
      try {
        first = await openConnection({ ...session, version }, events)
        knows5 ||= version === 5
      } catch (error) {
        takeover.failed()
        if (!(error instanceof VersionRefused) || !settings.fallback || version === 4 || knows5) throw error
        speaks = 4
        first = await openConnection({ ...session, version: 4 }, events)
        version = 4
        if (!toldVersion) {
          toldVersion = true
          const message = `${target} speaks MQTT 3.1.1 only: no message expiry, no headers, and calls that nobody serves end by their timeout (protocolVersion: 4 expects that)`
          events.status({ type: 'error', error: new CommlibError('UNSUPPORTED', message) })
        }
      }
      if (durable !== undefined) {
        if (hadSession && !first.sessionPresent) events.status({ type: 'session-lost', durable: durable.name })
        hadSession = true
      }
      connectedAt = performance.now()
      await ready?.()
      let lanes = 1
      const another = async () => {
        if (durable !== undefined) {
          throw new CommlibError(
            'UNSUPPORTED',
            `the subscriptions of the durable '${durable.name}' overlap: give each a durable name of its own`,
          )
        }
        const signal = AbortSignal.timeout(settings.connectTimeout)
        const lane = { clientId: `${clientId}-${++lanes}`, durable: false, will: false, version: speaks, signal }
        return openConnection(lane, events)
      }
      link = createLink(first, { group: settings.group, inboxRoot, another }, events)
      return link
    },
  }
}

/** What MQTT can do: said for the version that was asked for, until a broker is known to speak 3.1.1 only. */
function supportsOf({ group }: DriverSettings, version: () => 4 | 5): TransportSupports {
  return {
    properties: false,
    get headers() {
      return version() === 5 ? 'always' : 'never'
    },
    queueing: false,
    competing: group !== false,
    reliable: true,
    latched: true,
    groups: true,
    durable: true,
    groupTakeover: 'never',
    get noService() {
      return version() === 5 ? 'confirmed' : 'never'
    },
    get expiry() {
      return version() === 5
    },
    deadLetter: false,
  }
}
