import { isPattern, matcher, type Subscription, subscription } from '@commlib/core/internal'
import type { Connection } from './connection.ts'
import { isReply, refused } from './errors.ts'
import { fromKey, toGlob, toKey } from './names.ts'

/** @param topic dotted */
export type Receiver = (topic: string, body: Buffer) => void | Promise<void>

/** Channels that are no topics: this package talks to itself there. */
const OURS = 'commlib:'

/** One SUBSCRIBE or PSUBSCRIBE, and who listens to it. */
interface Entry {
  readonly name: string
  readonly pattern: boolean
  readonly matches: (topic: string) => boolean
  readonly receivers: Set<Receiver>
  readonly granted: Promise<unknown>
}

/** What is subscribed on the connection for that. */
export class Channels {
  readonly #open: () => Promise<Connection>
  readonly #onError: (error: unknown) => void
  readonly #plain = new Map<string, Entry>()
  readonly #patterns = new Map<string, Entry>()
  #connection: Promise<Connection> | undefined
  #closed = false

  constructor(open: () => Promise<Connection>, onError: (error: unknown) => void) {
    this.#open = open
    this.#onError = onError
  }

  /** Resolves when the server has confirmed it. */
  async listen(name: string, receive: Receiver): Promise<Subscription> {
    this.#connection ??= this.#start().catch(error => {
      // The next one may be let in.
      this.#connection = undefined
      throw error
    })
    const connection = await this.#connection
    const entry = this.#entry(connection, name)
    // Its own, so that one function can listen twice.
    const receiver: Receiver = (topic, body) => receive(topic, body)
    entry.receivers.add(receiver)
    try {
      await entry.granted
    } catch (error) {
      this.#drop(entry, receiver)
      throw isReply(error) ? refused(`the server refused the subscription to '${name}'`, error) : error
    }
    return subscription(async () => {
      if (!this.#drop(entry, receiver) || this.#closed) return
      // A connection that ends takes its subscriptions with it.
      await connection.send(entry.pattern ? 'punsubscribe' : 'unsubscribe', [entry.name]).catch(() => {})
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.close(0)
  }

  async #start(): Promise<Connection> {
    const connection = await this.#open()
    connection.listen((channel, body, pattern) => {
      const key = channel.toString()
      if (pattern === undefined) {
        const entry = this.#plain.get(key)
        if (entry !== undefined) this.#deliver(entry, fromKey(key), body)
        return
      }
      const entry = this.#patterns.get(pattern.toString())
      const topic = fromKey(key)
      if (topic.startsWith(OURS)) return
      if (entry?.matches(topic)) this.#deliver(entry, topic, body)
    })
    return connection
  }

  #entry(connection: Connection, name: string): Entry {
    const pattern = isPattern(name)
    const key = pattern ? toGlob(name) : toKey(name)
    const entries = pattern ? this.#patterns : this.#plain
    const known = entries.get(key)
    if (known !== undefined) return known
    const entry: Entry = {
      name: key,
      pattern,
      matches: matcher(name),
      receivers: new Set(),
      granted: connection.send(pattern ? 'psubscribe' : 'subscribe', [key]),
    }
    entries.set(key, entry)
    return entry
  }

  #deliver(entry: Entry, topic: string, body: Buffer): void {
    for (const receive of entry.receivers) {
      try {
        receive(topic, body)?.catch(this.#onError)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  /** Whether that was the last one. */
  #drop(entry: Entry, receiver: Receiver): boolean {
    entry.receivers.delete(receiver)
    const entries = entry.pattern ? this.#patterns : this.#plain
    if (entry.receivers.size > 0 || entries.get(entry.name) !== entry) return false
    entries.delete(entry.name)
    return true
  }
}
