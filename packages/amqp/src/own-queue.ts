import {
  type Frame,
  type LinkSubscription,
  PatternIndex,
  subscription,
  type TopicListener,
} from '@commlib/core/internal'
import type { Channel, ConsumeMessage } from 'amqplib'
import { replyCode } from './errors.ts'
import type { Session } from './session.ts'
import { fromRoutingKey, toBindingKey } from './topic.ts'

export interface OwnQueueOptions {
  readonly session: Session
  readonly exchange: string

  /** Declares the queue and consumes it. */
  consume(receive: (message: ConsumeMessage) => void): Promise<Consumed>

  /** Tells what cannot be read, and leaves it out. */
  readable(message: ConsumeMessage, topic: string): Frame | undefined
  readonly onError: (error: unknown) => void
}

/** A queue that is consumed. */
export interface Consumed {
  readonly queue: string
  readonly consumer: LinkSubscription
}

/** A binding, and who listens to it. */
interface Entry {
  readonly key: string
  readonly pattern: string
  readonly listeners: Set<TopicListener>
  readonly bound: Promise<void>
}

/** Times that the queue may be gone before it is bound. */
const ATTEMPTS = 5

/**
 * What a connection hears at best effort: one queue for all of it, so that messages come in the order in which they were
 * published, whatever their topics. Two queues keep no order between them, and a goal's end would overtake its feedback.
 */
export class OwnQueue {
  readonly #options: OwnQueueOptions
  #bindings: Promise<Bindings> | undefined

  constructor(options: OwnQueueOptions) {
    this.#options = options
  }

  /** Resolves when the broker has bound it. */
  async listen(pattern: string, onFrame: TopicListener): Promise<LinkSubscription> {
    for (let attempt = 1; ; ) {
      const opening = (this.#bindings ??= this.#open())
      const bindings = await opening
      // The last one that listened has left meanwhile.
      if (this.#bindings !== opening) continue
      try {
        return await bindings.listen(pattern, onFrame)
      } catch (error) {
        if (replyCode(error) !== 404 || attempt++ === ATTEMPTS) throw error
        this.#forget(opening)
      }
    }
  }

  #open(): Promise<Bindings> {
    const forget = () => this.#forget(opening)
    const opening = openBindings(this.#options, forget)
    opening.catch(forget)
    return opening
  }

  /** Whoever comes next has a new queue. */
  #forget(bindings: Promise<Bindings>): void {
    if (this.#bindings === bindings) this.#bindings = undefined
  }
}

/** @param onOver runs when it is of no use any more: nobody listens, or the broker has ended it */
async function openBindings(options: OwnQueueOptions, onOver: () => void): Promise<Bindings> {
  const entries = new Entries()
  const consumed = await options.consume(message => {
    const topic = fromRoutingKey(message.fields.routingKey)
    const heard = entries.matching(topic)
    const frame = heard.length === 0 ? undefined : options.readable(message, topic)
    if (frame === undefined) return
    for (const { listeners } of heard) for (const listener of listeners) hand(listener, topic, frame, options)
  })
  void consumed.consumer.ended?.then(onOver)
  return new Bindings(options, consumed, entries, onOver)
}

/** The bindings of a queue, by their keys and by the topics that they are for. */
class Entries {
  readonly #byKey = new Map<string, Entry>()
  readonly #byPattern = new PatternIndex<Entry>()

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): Entry | undefined {
    return this.#byKey.get(key)
  }

  add(entry: Entry): void {
    this.#byKey.set(entry.key, entry)
    this.#byPattern.add(entry.pattern, entry)
  }

  /** Whether it was there. */
  delete(entry: Entry): boolean {
    if (this.#byKey.get(entry.key) !== entry) return false
    this.#byPattern.delete(entry.pattern, entry)
    return this.#byKey.delete(entry.key)
  }

  matching(topic: string): readonly Entry[] {
    return this.#byPattern.matching(topic)
  }
}

function hand(listener: TopicListener, topic: string, frame: Frame, { onError }: OwnQueueOptions): void {
  try {
    listener(topic, frame)?.catch(onError)
  } catch (error) {
    onError(error)
  }
}

/** Who listens to one queue. */
class Bindings {
  readonly #options: OwnQueueOptions
  readonly #consumed: Consumed
  readonly #entries: Entries
  readonly #onEmpty: () => void

  /** Bindings that are being ended: who wants one of these again waits. */
  readonly #leaving = new Map<string, Promise<void>>()

  constructor(options: OwnQueueOptions, consumed: Consumed, entries: Entries, onEmpty: () => void) {
    this.#options = options
    this.#consumed = consumed
    this.#entries = entries
    this.#onEmpty = onEmpty
  }

  async listen(pattern: string, onFrame: TopicListener): Promise<LinkSubscription> {
    const { consumer } = this.#consumed
    const entry = this.#entry(pattern)
    // Its own, so that one function can listen twice.
    const listener: TopicListener = (topic, frame) => onFrame(topic, frame)
    entry.listeners.add(listener)
    const leave = async (bound: boolean) => {
      if (!this.#drop(entry, listener)) return
      if (this.#entries.size > 0) return bound ? this.#unbind(entry) : undefined
      this.#onEmpty()
      await consumer.close()
    }
    try {
      await entry.bound
    } catch (error) {
      await leave(false)
      throw error
    }
    return Object.assign(
      subscription(() => leave(true)),
      { ended: consumer.ended },
    )
  }

  #entry(pattern: string): Entry {
    const key = toBindingKey(pattern)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const { exchange } = this.#options
    const { queue } = this.#consumed
    const bind = () => this.#apart(channel => channel.bindQueue(queue, exchange, key))
    const leaving = this.#leaving.get(key)
    const bound = leaving === undefined ? bind() : leaving.then(bind)
    const entry = { key, pattern, listeners: new Set<TopicListener>(), bound }
    this.#entries.add(entry)
    return entry
  }

  /** Whether that was the last one. */
  #drop(entry: Entry, listener: TopicListener): boolean {
    entry.listeners.delete(listener)
    return entry.listeners.size === 0 && this.#entries.delete(entry)
  }

  async #unbind({ key }: Entry): Promise<void> {
    const { exchange, session, onError } = this.#options
    const { queue } = this.#consumed
    const leaving = this.#apart(channel => channel.unbindQueue(queue, exchange, key)).catch(error => {
      // A queue that is gone has no bindings.
      if (!session.ended && replyCode(error) !== 404) onError(error)
    })
    this.#leaving.set(key, leaving)
    await leaving
    if (this.#leaving.get(key) === leaving) this.#leaving.delete(key)
  }

  /** On a channel of its own: a refusal ends the channel, and would end the consumer. */
  async #apart(run: (channel: Channel) => PromiseLike<unknown>): Promise<void> {
    const opened = await this.#options.session.channel()
    try {
      await run(opened.channel)
    } finally {
      opened.close()
    }
  }
}
