import { isPattern, matcher } from '../contracts/grammar.ts'
import { PatternIndex } from '../contracts/pattern-index.ts'
import type { Frame } from '../transport.ts'
import { Dispatcher } from './dispatcher.ts'
import { Listener } from './listener.ts'
import { Mailbox, type Member } from './mailbox.ts'

/** Takes the frames of a topic or pattern. */
interface Sink {
  take(topic: string, frame: Frame): void
}

interface Kept {
  readonly frame: Frame

  /** When it is no longer worth keeping. */
  readonly until: number
}

/** A mailbox that several subscriptions use, together or one after the other. */
interface Shared {
  readonly mailbox: Mailbox
  readonly durable: string | undefined
  unbind: () => void
  pattern: string
}

/** How {@link Hub.subscribe} delivers. */
export interface Subscribing {
  readonly reliable: boolean
  readonly latched: boolean
  readonly group: string | undefined
  readonly durable: string | undefined
}

/** A broker in this process. */
export class Hub {
  readonly capacity: number
  readonly #dispatcher = new Dispatcher()
  readonly #plain = new Map<string, readonly Sink[]>()
  readonly #patterns = new PatternIndex<Sink>()
  readonly #kept = new Map<string, Kept>()
  readonly #shared = new Map<string, Shared>()
  readonly #queues = new Map<string, Mailbox>()
  readonly #inboxes = new Map<string, Listener>()

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Settled when the hub can take more: see {@link Dispatcher.taken}. */
  get taken(): Promise<void> {
    return this.#dispatcher.taken
  }

  publish(topic: string, frame: Frame): void {
    const plain = this.#plain.get(topic)
    if (plain !== undefined) for (let i = 0; i < plain.length; i++) plain[i]?.take(topic, frame)
    for (const sink of this.#patterns.matching(topic)) sink.take(topic, frame)
  }

  /** Keeps the frame for those that come later; an empty one ends that. */
  keep(topic: string, frame: Frame): void {
    if (frame.body.length === 0) {
      this.#kept.delete(topic)
      return
    }
    const until = frame.expiry === undefined ? Number.POSITIVE_INFINITY : performance.now() + frame.expiry
    this.#kept.set(topic, { frame: { ...frame, latched: true }, until })
  }

  subscribe(pattern: string, member: Member, options: Subscribing): () => void {
    if (options.durable !== undefined || options.group !== undefined) return this.#share(pattern, member, options)
    if (!options.reliable) {
      const listener = new Listener(this.#dispatcher, this.capacity, member)
      if (options.latched) this.#remember(pattern, listener)
      const unbind = this.#bind(pattern, listener)
      return () => {
        listener.close()
        unbind()
      }
    }
    const mailbox = this.#mailbox()
    if (options.latched) this.#remember(pattern, mailbox)
    const unbind = this.#bind(pattern, mailbox)
    const leave = mailbox.join(member)
    return () => {
      unbind()
      leave()
    }
  }

  /** Forgets what it holds for a durable name, its groups' included. */
  forget(durable: string): void {
    for (const [key, shared] of this.#shared) {
      if (shared.durable !== durable) continue
      this.#shared.delete(key)
      shared.unbind()
      shared.mailbox.takeOver()
    }
  }

  /** @returns whether there was room for it, or `undefined` if nobody consumes the queue and somebody had to */
  push(queue: string, frame: Frame, needsConsumer: boolean): boolean | undefined {
    const inbox = this.#inboxes.get(queue)
    if (inbox !== undefined) {
      inbox.take(queue, frame)
      return true
    }
    // A reply to a call that has ended: nobody will ever come for it.
    if (queue.startsWith('rpc-')) return true
    let mailbox = this.#queues.get(queue)
    if (needsConsumer && (mailbox === undefined || mailbox.members === 0)) return undefined
    if (mailbox === undefined) {
      mailbox = this.#mailbox(false)
      this.#queues.set(queue, mailbox)
    }
    return mailbox.offer(queue, frame)
  }

  pull(queue: string, member: Member): () => void {
    const mailbox = this.#queues.get(queue) ?? this.#mailbox(false)
    this.#queues.set(queue, mailbox)
    const leave = mailbox.join(member)
    return () => {
      leave()
      if (mailbox.members === 0 && mailbox.size === 0) this.#queues.delete(queue)
    }
  }

  inbox(address: string, member: Member): () => void {
    const listener = new Listener(this.#dispatcher, this.capacity, member)
    this.#inboxes.set(address, listener)
    return () => {
      listener.close()
      this.#inboxes.delete(address)
    }
  }

  #share(pattern: string, member: Member, { durable, group, latched }: Subscribing): () => void {
    // A durable name is one subscription, whatever it listens to; a group is one for each pattern.
    const key = JSON.stringify(durable === undefined ? [group, pattern] : [durable, group ?? null, null])
    let shared = this.#shared.get(key)
    if (shared === undefined) {
      const mailbox = this.#mailbox()
      shared = { mailbox, durable, pattern, unbind: this.#bind(pattern, mailbox) }
      this.#shared.set(key, shared)
    } else if (shared.pattern !== pattern) {
      const unbind = this.#bind(pattern, shared.mailbox)
      shared.unbind()
      shared.unbind = unbind
      shared.pattern = pattern
    }
    const used = shared
    if (group === undefined) used.mailbox.takeOver()
    if (latched) this.#remember(pattern, used.mailbox)
    const leave = used.mailbox.join(member)
    return () => {
      leave()
      if (durable !== undefined || used.mailbox.members > 0 || this.#shared.get(key) !== used) return
      used.unbind()
      this.#shared.delete(key)
    }
  }

  #remember(pattern: string, sink: Sink): void {
    const matches = matcher(pattern)
    const now = performance.now()
    for (const [topic, { frame, until }] of this.#kept) {
      if (until <= now) this.#kept.delete(topic)
      else if (matches(topic)) sink.take(topic, frame.expiry === undefined ? frame : { ...frame, expiry: until - now })
    }
  }

  /** The lists are replaced, never changed: a listener may subscribe while one is walked. */
  #bind(pattern: string, sink: Sink): () => void {
    if (isPattern(pattern)) {
      this.#patterns.add(pattern, sink)
      return () => this.#patterns.delete(pattern, sink)
    }
    this.#plain.set(pattern, [...(this.#plain.get(pattern) ?? []), sink])
    return () => {
      const rest = (this.#plain.get(pattern) ?? []).filter(other => other !== sink)
      if (rest.length === 0) this.#plain.delete(pattern)
      else this.#plain.set(pattern, rest)
    }
  }

  #mailbox(redelivers = true): Mailbox {
    return new Mailbox({ dispatcher: this.#dispatcher, capacity: this.capacity, redelivers })
  }
}
