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

  /** Messages that are being handled. */
  handling: number

  /** Once nobody listens any more: runs when nothing is being handled, or when its connection has ended. */
  idle?: () => void

  /** Whoever waits for it to be back. */
  readonly waiting: Set<() => void>
}

/** Milliseconds that the main connection waits for the others, so that `connected` speaks for all. */
const WAIT = 2000

const never = new Promise<void>(() => {})

/**
 * Durable subscriptions: an MQTT session belongs to a client id, so each durable name is a connection of its own, which
 * reconnects by itself.
 */
export class DurableSubscriptions {
  readonly #open: OpenDurable
  readonly #invalid: (why: string) => Error
  readonly #sessions = new Map<string, Session>()

  /** Nobody listens to them any more, and what they have received is being handled. */
  readonly #leaving = new Map<string, Session>()

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
        if (session?.idle !== undefined) {
          // What it still handles goes to another: it must not take the session back.
          if (type === 'disconnected') session.idle()
          return
        }
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
      const begin = () => transport.connect({ ...connect, onStatus, waitForBroker: !online })
      // Two connections of one session would end each other.
      const before = this.#leaving.get(clientId)?.transport.close()
      const connected = before === undefined ? begin() : before.then(begin)
      session = {
        transport,
        connected,
        users: 0,
        handling: 0,
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
      if (used.handling === 0) return endSession(used)
      this.#leaving.set(clientId, used)
      used.idle = () => {
        if (this.#leaving.get(clientId) === used) this.#leaving.delete(clientId)
        endSession(used).catch(connect.onError)
      }
    }
    let left = false
    const handled = () => {
      if (--used.handling === 0) used.idle?.()
    }
    const listen: TopicListener = (topic, frame) => {
      // Kept by the broker for whoever comes next.
      if (left) return never
      const settled = onFrame(topic, frame)
      if (settled === undefined) return
      used.handling++
      void settled.then(handled, handled)
      return settled
    }
    try {
      await used.connected
      const inner = await used.transport.subscribe(pattern, listen, { ...options, signal })
      return async () => {
        left = true
        // The last one goes with its connection: until then it holds back what comes.
        if (used.users > 1) await inner.close()
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
    const sessions = [...this.#sessions.values(), ...this.#leaving.values()]
    this.#sessions.clear()
    this.#leaving.clear()
    for (const { waiting } of sessions) for (const back of waiting) back()
    await Promise.all(sessions.map(endSession))
  }
}

async function endSession({ transport }: Session): Promise<void> {
  // What has just been handled is acknowledged in this turn.
  await new Promise(resolve => setTimeout(resolve))
  await transport.close()
}
