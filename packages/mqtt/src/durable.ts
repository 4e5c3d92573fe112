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
import { createDriver } from './driver.ts'
import type { Settings } from './options.ts'

interface Session {
  readonly transport: Transport
  readonly connected: Promise<void>
  users: number
}

/**
 * Durable subscriptions: an MQTT session belongs to a client id, so each durable name is a connection of its own, which
 * reconnects by itself.
 */
export class DurableSubscriptions {
  readonly #settings: Settings
  readonly #sessions = new Map<string, Session>()

  constructor(settings: Settings) {
    this.#settings = settings
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
      const transport = reconnecting(createDriver(this.#settings, { name: durable, clientId }), this.#settings)
      const onStatus = (status: TransportStatus) => {
        // Only the main connection tells of connecting: the two would not be told apart.
        const { type } = status
        if (type === 'error' || type === 'session-lost' || type === 'messages-lost') connect.onStatus?.(status)
      }
      const connected = transport.connect({ ...connect, onStatus, waitForBroker: !online })
      session = { transport, connected, users: 0 }
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

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    await Promise.all(sessions.map(({ transport }) => transport.close()))
  }
}
