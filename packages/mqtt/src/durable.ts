import type {
  ConnectOptions,
  SubscribeOptions,
  TopicListener,
  Transport,
  TransportStatus,
} from '@commlib/core/internal'
import type { DriverOptions } from './driver.ts'

/** Makes the transport of one session. */
export type OpenDurable = (session: NonNullable<DriverOptions['durable']>) => Transport

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
  readonly #open: OpenDurable
  readonly #invalid: (why: string) => Error
  readonly #sessions = new Map<string, Session>()

  // It imports nothing: a bundler need not cut in two what it would share.
  constructor(open: OpenDurable, invalid: (why: string) => Error) {
    this.#open = open
    this.#invalid = invalid
  }

  /** Returns what leaves again. @param online whether the broker is reached: if not, the session is opened when it is */
  async subscribe(
    pattern: string,
    onFrame: TopicListener,
    options: SubscribeOptions & { readonly durable: string },
    { online, ...connect }: ConnectOptions & { readonly online: boolean },
  ): Promise<() => Promise<void>> {
    const { durable, member, group, signal } = options
    if (durable === '') throw this.#invalid("durable '' must be a name")
    if (group !== undefined && !member) {
      const why = 'needs a member on MQTT: a name for this process, the same after each restart'
      throw this.#invalid(`durable '${durable}' with group '${group}' ${why}`)
    }
    const clientId = member === undefined ? durable : `${durable}-${member}`
    let session = this.#sessions.get(clientId)
    if (session === undefined) {
      const transport = this.#open({ name: durable, clientId })
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
      return async () => {
        await inner.close()
        await release()
      }
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
