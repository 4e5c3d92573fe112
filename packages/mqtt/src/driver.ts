import {
  CommlibError,
  type Driver,
  type Link,
  type LinkEvents,
  randomId,
  type TransportSupports,
} from '@commlib/core/internal'
import type { Connection } from './connection.ts'
import { connectionFailed } from './errors.ts'
import { createLink } from './link.ts'
import { openConnection, VersionRefused } from './open-connection.ts'
import type { Settings } from './options.ts'
import { TakeoverGuess } from './takeover.ts'

export interface DriverOptions {
  /** The broker keeps the session of this client id. */
  readonly durable?: { readonly name: string; readonly clientId: string } | undefined

  /** What else must be there before this is called connected. */
  readonly ready?: (() => Promise<void>) | undefined
}

/** A driver for one client id. */
export function createDriver(settings: Settings, { durable, ready }: DriverOptions = {}): Driver {
  const { target } = settings
  const inboxRoot = `rpc-${randomId()}`
  const clientId = durable?.clientId ?? settings.clientId
  let version = settings.version
  let knows5 = false
  let hadSession = false
  let toldVersion = false
  const takeover = new TakeoverGuess()

  async function open(
    events: LinkEvents,
    signal: AbortSignal,
    speak: 4 | 5,
    id: string,
    withWill: boolean,
  ): Promise<Connection> {
    return openConnection(
      {
        target,
        version: speak,
        maxMessageBytes: settings.maxMessageBytes,
        signal,
        durable: durable !== undefined,
        client: {
          ...settings.client,
          clientId: id,
          clean: durable === undefined,
          ...(withWill && settings.will !== undefined && { will: settings.will }),
          properties:
            speak === 4
              ? undefined
              : {
                  ...settings.client.properties,
                  sessionExpiryInterval: durable === undefined ? 0 : settings.sessionExpiry,
                },
        } as Settings['client'], // `properties: undefined` is what 3.1.1 needs
      },
      events,
    )
  }

  return {
    name: 'mqtt',
    target,
    supports: supportsOf(settings),
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
      let first: Connection
      let speaks = version
      try {
        first = await open(events, signal, version, clientId, durable === undefined)
        knows5 ||= version === 5
      } catch (error) {
        takeover.failed()
        if (!(error instanceof VersionRefused)) throw error
        if (!settings.fallback || version === 4 || knows5) throw connectionFailed(target, error)
        speaks = 4
        try {
          first = await open(events, signal, 4, clientId, durable === undefined)
        } catch (second) {
          throw second instanceof VersionRefused ? connectionFailed(target, second) : second
        }
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
        return open(events, AbortSignal.timeout(settings.connectTimeout), speaks, `${clientId}-${++lanes}`, false)
      }
      link = createLink(first, { group: settings.group, inboxRoot, another }, events)
      return link
    },
  }
}

/** What MQTT can do. Said for the version that was asked for: a broker that only speaks 3.1.1 is reported. */
function supportsOf({ version, group }: Settings): TransportSupports {
  return {
    properties: false,
    queueing: false,
    competing: group !== false,
    reliable: true,
    latched: true,
    groups: true,
    durable: true,
    groupTakeover: 'never',
    noService: version === 5 ? 'confirmed' : 'never',
    expiry: version === 5,
    deadLetter: false,
  }
}
