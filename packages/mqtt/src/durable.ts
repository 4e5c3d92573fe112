import {
  CommlibError,
  type ConnectOptions,
  reconnecting,
  type SubscribeOptions,
  type Subscription,
  subscription,
  type TopicListener,
  type Transport,
  type TransportStatus,
} from '@commlib/core/internal'
import { createDriver, type DriverSettings, type OpenConnection } from './driver.ts'

interface Session {
  readonly transport: Transport
  readonly connected: Promise<void>
  readonly online: boolean
  users: number

  /** Whoever waits for it to be back. */
  readonly waiting: Set<() => void>
}

/** Milliseconds that the main connection waits for the others, so that `connected` speaks for all. */
const WAIT = 2000

/**
 * Durable subscriptions: an MQTT session belongs to a client id, so each durable name is a connection of its own, which
 * reconnects by itself.
 */
export class DurableSubscriptions {
  readonly #settings: DriverSettings
  readonly #openConnection: OpenConnection
  readonly #sessions = new Map<string, Session>()

  constructor(settings: DriverSettings, openConnection: OpenConnection) {
    this.#settings = settings
    this.#openConnection = openConnection
  }

  /** @param online whether the broker is reached: if not, the session is opened when it is */
  async subscribe(
    pattern: string,
    onFrame: TopicListener,
    options: SubscribeOptions & { readonly durable: string },
    { online, ...connect }: ConnectOptions & { readonly online: boolean },
  ): Promise<Subscription> {
    const { durable, member, group, signal } = options
    if (durable === '') throw new CommlibError('INVALID_OPTION', "durable '' must be a name")
    if (group !== undefined && (member === undefined || member === '')) {
      throw new CommlibError(
        'INVALID_OPTION',
        `durable '${durable}' with group '${group}' needs a member on MQTT: a name for this process, the same after each restart`,
      )
    }
    const clientId = member === undefined ? durable : `${durable}-${member}`
    let session = this.#sessions.get(clientId)
    if (session === undefined) {
      const transport = reconnecting(
        createDriver(this.#settings, this.#openConnection, { durable: { name: durable, clientId } }),
        this.#settings,
      )
      const waiting = new Set<() => void>()
      const onStatus = (status: TransportStatus) => {
        const { type } = status
        opened.online = type === 'connected' || (opened.online && type !== 'disconnected')
        if (type === 'connected') {
          for (const back of waiting) back()
          waiting.clear()
        }
        if (type === 'error' && status.fatal) {
          this.#sessions.delete(clientId)
          for (const back of waiting) back()
        }
        // Only the main connection tells of connecting: the two would not be told apart.
        if (type === 'error' || type === 'session-lost' || type === 'messages-lost') connect.onStatus?.(status)
      }
      // Its own variable: the status may come before there is a promise.
      const opened = { online: false }
      const connected = transport.connect({ ...connect, onStatus, waitForBroker: !online })
      session = {
        transport,
        connected,
        users: 0,
        waiting,
        get online() {
          return opened.online
        },
      }
      this.#sessions.set(clientId, session)
    }
    const used = session
    used.users++
    const release = async () => {
      if (--used.users > 0) return
      if (this.#sessions.get(clientId) === used) this.#sessions.delete(clientId)
      await used.transport.close()
    }
    try {
      await used.connected
      const inner = await used.transport.subscribe(pattern, onFrame, { ...options, signal })
      return subscription(async () => {
        await inner.close()
        await release()
      })
    } catch (error) {
      await release()
      throw error
    }
  }

  /** Resolves when every session that has lost its connection has one again, or after a while. */
  async back(): Promise<void> {
    const missing = [...this.#sessions.values()].filter(({ online }) => !online)
    if (missing.length === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, WAIT)
      const each = missing.map(({ waiting }) => new Promise<void>(back => waiting.add(back)))
      void Promise.all(each).then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const { waiting } of sessions) for (const back of waiting) back()
    await Promise.all(sessions.map(({ transport }) => transport.close()))
  }
}
