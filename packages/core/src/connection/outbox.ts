import { CommlibError, toError } from '../errors.ts'
import type { Frame, PublishOptions, PushOptions } from '../transport.ts'
import { raceSignal } from '../util/abort.ts'
import { renewed } from '../util/renewed.ts'
import { bodySize } from '../wire/text-wire.ts'
import type { Link } from './link.ts'
import { Losses } from './losses.ts'
import { OfflineBuffer, type OfflineBufferOptions } from './offline-buffer.ts'

interface Item {
  readonly verb: 'publish' | 'push'
  readonly address: string
  readonly frame: Frame
  readonly options: (PublishOptions & PushOptions) | undefined
  readonly bytes: number
  readonly droppable: boolean
  readonly since: number

  /** Connections that ended while it was unconfirmed. */
  ends: number

  /** Runs when it is confirmed or refused, or its connection ends. */
  done?: (() => void) | undefined
  resolve(): void
  reject(error: unknown): void
}

/** Connections that end over unconfirmed messages, after which these are sent one by one, to find the one it is about. */
const SUSPECT = 2

const done = Promise.resolve()
const nothing = () => {}

/**
 * What is sent while there is no connection, and what the broker has not confirmed yet. Sends it on the next
 * connection, in order, before anything newer.
 */
export class Outbox {
  /** The connection, once nothing older waits: traffic may go straight to it. */
  link: Link | undefined

  readonly #waiting: OfflineBuffer<Item>
  readonly #losses: Losses
  #unconfirmed = new Set<Item>()
  #refusal: Error | undefined
  #generation = 0
  #idle = nothing

  constructor(options: OfflineBufferOptions, onLost: (count: number, reason: string) => void) {
    this.#losses = new Losses(onLost)
    this.#waiting = new OfflineBuffer(options, () => this.#losses.add('the offline buffer is full'))
  }

  /** Refuses what is sent, and what waits, with this error. */
  refuse(error: Error): void {
    this.#refusal = error
    this.pause()
    for (const item of this.#waiting.drain()) {
      if (item.droppable) this.#losses.add('not connected')
      item.reject(error)
    }
    for (const item of this.#unconfirmed) item.reject(error)
    this.#unconfirmed.clear()
    this.#losses.flush()
    this.#idle()
  }

  /** Keeps what is sent for the next connection. */
  accept(): void {
    this.#refusal = undefined
  }

  /** Sends what waits; then traffic goes straight to the link. */
  async open(link: Link): Promise<void> {
    const generation = ++this.#generation
    for (const item of this.#waiting.drain()) {
      const sent = this.#send(link, item)
      if (sent !== done) await sent
      else if (item.ends >= SUSPECT && this.#unconfirmed.has(item)) {
        await new Promise<void>(resolve => {
          item.done = resolve
        })
      }
      if (generation !== this.#generation) return
    }
    this.link = link
    this.#losses.flush()
  }

  /** Keeps what is sent until it is opened again. */
  pause(): void {
    this.link = undefined
    this.#generation++
  }

  /** The connection has ended. */
  lost(): void {
    this.pause()
    const alone = this.#unconfirmed.size === 1
    for (const item of this.#unconfirmed) {
      item.done?.()
      if (++item.ends <= SUSPECT || !alone) continue
      // A broker that takes no such message may have no other way to say so.
      this.#unconfirmed.delete(item)
      item.reject(
        new CommlibError(
          'CONNECTION_LOST',
          `the connection ended ${item.ends} times over the message to '${item.address}' (${item.bytes} bytes): the broker may not take it`,
        ),
      )
    }
    this.#waiting.putBack(this.#unconfirmed)
    this.#unconfirmed.clear()
  }

  /** Resolves when nothing is unconfirmed any more, or after this time. */
  async settled(milliseconds: number): Promise<void> {
    if (this.#unconfirmed.size === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, milliseconds)
      this.#idle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  publish(topic: string, frame: Frame, options: PublishOptions | undefined): Promise<void> {
    return this.#add('publish', topic, frame, options)
  }

  push(queue: string, frame: Frame, options: PushOptions | undefined): Promise<void> {
    return this.#add('push', queue, frame, options)
  }

  /** One promise where nothing can be aborted: another three would be a tenth of what a message takes its sender. */
  #add(
    verb: Item['verb'],
    address: string,
    frame: Frame,
    options: (PublishOptions & PushOptions) | undefined,
  ): Promise<void> {
    const signal = options?.signal
    const droppable = verb === 'publish' && !options?.reliable
    const item: Item = {
      verb,
      address,
      frame,
      options,
      droppable,
      bytes: bodySize(frame),
      since: performance.now(),
      ends: 0,
      resolve: nothing,
      reject: nothing,
    }
    const sent = new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#refusal) throw this.#refusal
      item.resolve = resolve
      item.reject = reject
      // What becomes of it, the item is told.
      if (!droppable && this.link) return void this.#send(this.link, item)
      this.#waiting.add(item)
      if (droppable) resolve()
    })
    if (!signal) return sent
    return raceSignal(sent, signal).catch(error => {
      this.#waiting.remove(item)
      this.#settle(item)
      throw error
    })
  }

  /** The promise to wait for before sending more. */
  #send(link: Link, item: Item): Promise<void> {
    const frame = aged(item)
    if (frame === undefined) {
      if (item.droppable) this.#losses.add('expired while not connected')
      item.reject(new CommlibError('TIMEOUT', `the message to '${item.address}' expired while not connected`))
      return done
    }
    if (item.options?.reliable) {
      this.#unconfirmed = renewed(this.#unconfirmed).add(item)
      link.publish(item.address, frame, item.options).then(
        () => {
          if (this.#settle(item)) item.resolve()
        },
        error => {
          // Lost with its connection: `lost()` has put it back.
          if (this.#settle(item)) item.reject(error)
        },
      )
      return done
    }
    const sent = link[item.verb](item.address, frame, item.options).then(item.resolve, error => {
      if (item.droppable) this.#losses.add(toError(error).message)
      item.reject(error)
    })
    return item.droppable ? sent : done
  }

  #settle(item: Item): boolean {
    if (!this.#unconfirmed.delete(item)) return false
    item.done?.()
    if (this.#unconfirmed.size === 0) this.#idle()
    return true
  }
}

/** The frame with what is left of its expiry, if anything is. */
function aged({ frame, since }: Item): Frame | undefined {
  if (frame.expiry === undefined) return frame
  const expiry = frame.expiry - (performance.now() - since)
  return expiry > 0 ? { ...frame, body: frame.body, expiry } : undefined
}
