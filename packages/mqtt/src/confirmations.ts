import { CommlibError, type Frame, Queue, renewed } from '@commlib/core/internal'
import { refused } from './errors.ts'
import { type Measures, measure, type Publish } from './packet.ts'
import type { PacketIds } from './packet-ids.ts'
import type { Writer } from './writer.ts'

interface Pending {
  readonly topic: string
  readonly frame: Frame
  readonly retain: boolean

  /** Rejects when nobody subscribes. */
  readonly mandatory: boolean

  /** Once aborted, it is no longer sent. */
  readonly signal: AbortSignal | undefined
  resolve: () => void
  reject: (error: unknown) => void
}

export interface ConfirmationsOptions {
  readonly writer: Writer
  readonly measures: Measures

  /** How many unconfirmed messages the broker takes. */
  readonly window: number

  /** Throws for a packet that the broker would not take. */
  check(name: string, packet: Publish): void
  readonly ids: PacketIds
}

const NO_MATCHING_SUBSCRIBERS = 0x10

/** Messages at QoS 1 and their PUBACKs: no more on their way than the broker wants. */
export class Confirmations {
  readonly #options: ConfirmationsOptions
  #sent = new Map<number, Pending>()
  readonly #waiting = new Queue<Pending>()

  constructor(options: ConfirmationsOptions) {
    this.#options = options
  }

  publish(
    topic: string,
    frame: Frame,
    how: { retain: boolean; mandatory: boolean; signal: AbortSignal | undefined },
  ): Promise<void> {
    const { retain, mandatory, signal } = how
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const pending: Pending = { topic, frame, retain, mandatory, signal, resolve, reject }
      if (signal !== undefined) this.#watch(pending, signal)
      this.#waiting.push(pending)
      this.#sendWaiting()
    })
  }

  /** A PUBACK has come. */
  confirm(id: number, reason: number): void {
    const pending = this.#sent.get(id)
    if (pending === undefined) return
    this.#sent.delete(id)
    this.#options.ids.deallocate(id)
    if (reason >= 0x80) pending.reject(refused(`the broker did not take the message to '${pending.topic}'`, reason))
    else if (reason === NO_MATCHING_SUBSCRIBERS && pending.mandatory) {
      pending.reject(new CommlibError('NO_SERVICE', `nobody serves '${pending.topic}'`))
    } else pending.resolve()
    this.#sendWaiting()
  }

  end(error: Error): void {
    const pending = [...this.#sent.values(), ...this.#waiting.drain()]
    this.#sent.clear()
    for (const { reject } of pending) reject(error)
  }

  #watch(pending: Pending, signal: AbortSignal): void {
    const { resolve, reject } = pending
    const abort = () => reject(signal.reason)
    pending.resolve = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    pending.reject = error => {
      signal.removeEventListener('abort', abort)
      reject(error)
    }
    signal.addEventListener('abort', abort, { once: true })
  }

  #sendWaiting(): void {
    const { window, ids } = this.#options
    for (let next = this.#waiting.first; next !== undefined && this.#sent.size < window; next = this.#waiting.first) {
      if (next.signal?.aborted !== true) {
        const id = ids.allocate()
        // As many are unconfirmed as there are packet identifiers; the next PUBACK frees one.
        if (id === null) return
        this.#send(next, id)
      }
      this.#waiting.shift()
    }
  }

  #send(pending: Pending, id: number): void {
    const { writer, measures, check, ids } = this.#options
    try {
      const packet = measure(pending.topic, pending.frame, measures, pending.retain, id)
      check(pending.topic, packet)
      this.#sent = renewed(this.#sent).set(id, pending)
      void writer.publish(packet) // its PUBACK is what is waited for
    } catch (error) {
      ids.deallocate(id)
      pending.reject(error)
    }
  }
}
