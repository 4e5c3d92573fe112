import { CommlibError, type Frame, type Subscription, subscription } from '@commlib/core/internal'
import { overlap } from './topic.ts'

/** @param topic as MQTT has it */
export type Receiver = (topic: string, frame: Frame) => void | Promise<void>

export interface ListenOptions {
  /** As MQTT has it, without a share. */
  readonly filter: string

  /** The share group, if any. */
  readonly share?: string | undefined
  readonly qos: 0 | 1

  /** The kept messages are wanted. */
  readonly latched: boolean

  /** The message is acknowledged only when the receiver has settled. */
  readonly settles: boolean

  /** Receives until the broker has confirmed that it has left: what was given to it is given to nobody else. */
  readonly drains: boolean
}

/** What the table needs of the connection. */
export interface Wire {
  /** Which filter a message came for is told by the broker, with an identifier. */
  readonly identifiers: boolean

  /** Receives what a receiver rejects with, where nobody waits for it. */
  readonly onError: (error: unknown) => void

  /** Resolves to what was granted. */
  subscribe(filter: string, options: { qos: 0 | 1; retained: boolean; identifier: number | undefined }): Promise<0 | 1>
  unsubscribe(filter: string): Promise<void>
}

interface Listener {
  readonly receive: Receiver
  readonly latched: boolean
  readonly settles: boolean
  readonly drains: boolean

  /** Without identifiers: kept messages that come now are for this one. */
  hungry: boolean

  /** Its SUBSCRIBE is not answered yet. */
  pending: boolean
}

interface Entry {
  readonly filter: string
  readonly matches: (topic: string) => boolean
  readonly listeners: Set<Listener>
  readonly identifiers: number[]
  qos: 0 | 1

  /** The answer to the last SUBSCRIBE. */
  granted: Promise<0 | 1>
}

/** A message's way in, found by its identifier. */
interface Target {
  readonly entry: Entry

  /** Who made the SUBSCRIBE: kept messages with this identifier are the answer to it. */
  readonly asked: Listener
}

/**
 * The smallest identifier that takes three bytes: mqtt.js keeps a buffer of every smaller number that it has written, for
 * ever, and with it the 64 KiB of the pool that the buffer is cut from.
 */
const FIRST_IDENTIFIER = 16_384

/** One SUBSCRIBE for each filter of a connection, and who listens to it. */
export class Subscriptions {
  readonly #wire: Wire
  readonly #entries = new Map<string, Entry>()

  /** UNSUBSCRIBE was sent and is not answered yet. */
  readonly #leaving = new Set<Entry>()
  readonly #targets = new Map<number, Target>()
  #nextIdentifier = FIRST_IDENTIFIER

  constructor(wire: Wire) {
    this.#wire = wire
  }

  /** Whether a message could come for this filter and for another one that is here, and it could not be told which. */
  conflicts(filter: string, share: string | undefined): boolean {
    if (this.#wire.identifiers) return false
    const name = shared(filter, share)
    for (const entry of [...this.#entries.values(), ...this.#leaving])
      if (entry.filter !== name && overlap(entry.filter.replace(SHARE, ''), filter)) return true
    return false
  }

  /** Resolves when the broker has granted it. */
  async listen(options: ListenOptions, receive: Receiver): Promise<Subscription> {
    const { filter, share, qos, latched, settles, drains } = options
    const name = shared(filter, share)
    const listener: Listener = {
      receive,
      latched: latched && share === undefined,
      settles,
      drains,
      hungry: latched && share === undefined,
      pending: true,
    }
    let entry = this.#entries.get(name)
    const known = entry !== undefined
    if (entry === undefined) {
      entry = {
        filter: name,
        matches: filterMatcher(filter),
        listeners: new Set(),
        identifiers: [],
        qos,
        granted: NONE,
      }
      this.#entries.set(name, entry)
    }
    entry.listeners.add(listener)
    try {
      // Again for a better quality of service, and for the kept messages, which only come after a SUBSCRIBE.
      if (!known || qos > entry.qos || listener.latched) {
        if (qos > entry.qos) entry.qos = qos
        entry.granted = this.#subscribe(entry, listener)
      }
      // Also for who did not ask: the one who did may be refused.
      const granted = await entry.granted
      listener.pending = false
      if (settles && granted < 1) {
        throw new CommlibError('UNSUPPORTED', `the broker grants '${filter}' at most once: it cannot be reliable`)
      }
    } catch (error) {
      this.#forget(entry, listener)
      throw error
    }
    return subscription(() => this.#remove(entry, listener))
  }

  /**
   * Hands a message to who listens. What is returned settles it; `undefined` when nobody waits for that, and
   * `false` when nobody listens at all.
   */
  deliver(
    topic: string,
    frame: Frame,
    identifier: number | readonly number[] | undefined,
  ): Promise<unknown> | undefined | false {
    if (typeof identifier === 'number') return this.#toTarget(this.#targets.get(identifier), topic, frame)
    if (identifier === undefined) {
      // At most one matches: those that overlap have connections of their own.
      const entry = this.#entries.get(topic) ?? this.#find(topic)
      return entry === undefined ? false : this.#toListeners(entry, topic, frame)
    }
    // One copy for several filters, as some brokers send it.
    const results = identifier.map(id => this.#toTarget(this.#targets.get(id), topic, frame))
    if (results.every(result => result === false)) return false
    const settled = results.filter(result => result instanceof Promise)
    return settled.length === 0 ? undefined : Promise.all(settled)
  }

  #find(topic: string): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry.matches(topic)) return entry
    for (const entry of this.#leaving) if (entry.matches(topic)) return entry
    return undefined
  }

  #toTarget(target: Target | undefined, topic: string, frame: Frame): Promise<unknown> | undefined | false {
    if (target === undefined) return false
    if (frame.latched) return this.#toKept(target, topic, frame)
    return this.#toListeners(target.entry, topic, frame)
  }

  #toListeners(entry: Entry, topic: string, frame: Frame): Promise<unknown> | undefined {
    let settled: Promise<unknown> | undefined
    for (const listener of entry.listeners) {
      if (frame.latched && !listener.hungry) continue
      const result = this.#receive(listener, topic, frame)
      if (result !== undefined) settled = settled === undefined ? result : Promise.all([settled, result])
    }
    return settled
  }

  /** A kept message answers one SUBSCRIBE, and is for who made it. */
  #toKept({ entry, asked }: Target, topic: string, frame: Frame): Promise<unknown> | undefined {
    return asked.latched && entry.listeners.has(asked) ? this.#receive(asked, topic, frame) : undefined
  }

  #receive(listener: Listener, topic: string, frame: Frame): Promise<unknown> | undefined {
    const result = listener.receive(topic, frame)
    if (result === undefined) return undefined
    if (listener.settles) return result
    result.catch(this.#wire.onError)
    return undefined
  }

  async #subscribe(entry: Entry, listener: Listener): Promise<0 | 1> {
    let identifier: number | undefined
    if (this.#wire.identifiers) {
      identifier = this.#nextIdentifier++
      entry.identifiers.push(identifier)
      this.#targets.set(identifier, { entry, asked: listener })
    } else {
      // What 3.1.1 keeps comes again with every SUBSCRIBE, and others have had it.
      for (const other of entry.listeners) if (other !== listener && !other.pending) other.hungry = false
    }
    return this.#wire.subscribe(entry.filter, { qos: entry.qos, retained: listener.latched, identifier })
  }

  async #remove(entry: Entry, listener: Listener): Promise<void> {
    if (!listener.drains || entry.listeners.size > 1) {
      if (this.#forget(entry, listener)) await this.#wire.unsubscribe(entry.filter)
      return
    }
    // Who comes now needs a SUBSCRIBE that is later than this UNSUBSCRIBE.
    this.#entries.delete(entry.filter)
    this.#leaving.add(entry)
    await this.#wire.unsubscribe(entry.filter)
    this.#leaving.delete(entry)
    entry.listeners.clear()
    for (const identifier of entry.identifiers) this.#targets.delete(identifier)
  }

  /** Whether that was the last one. */
  #forget(entry: Entry, listener: Listener): boolean {
    entry.listeners.delete(listener)
    if (entry.listeners.size > 0 || this.#entries.get(entry.filter) !== entry) return false
    this.#entries.delete(entry.filter)
    for (const identifier of entry.identifiers) this.#targets.delete(identifier)
    return true
  }
}

const NONE = Promise.resolve(0 as const)
const SHARE = /^\$share\/[^/]*\//

function shared(filter: string, share: string | undefined): string {
  return share === undefined ? filter : `$share/${share}/${filter}`
}

function filterMatcher(filter: string): (topic: string) => boolean {
  const wildcard = filter.search(/[+#]/)
  if (wildcard === -1) return topic => topic === filter
  if (wildcard !== filter.length - 1) return topic => overlap(filter, topic)
  const prefix = filter.slice(0, -1)
  if (filter.endsWith('+')) return topic => topic.startsWith(prefix) && !topic.includes('/', prefix.length)
  return topic => topic.startsWith(prefix) || topic === prefix.slice(0, -1)
}
