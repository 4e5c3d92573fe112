import { CommlibError } from '../errors.ts'
import { assertOption, number } from '../util/options.ts'
import { Queue } from '../util/queue.ts'

/** How much is kept while there is no connection. */
export interface OfflineBufferOptions {
  /** @default 1000 */
  readonly maxMessages?: number | undefined

  /** Bytes of all bodies together. @default Infinity */
  readonly maxBytes?: number | undefined

  /**
   * What happens to a best-effort message when there is no room: the oldest one makes place, or the new one rejects
   * with `BUFFER_FULL`. What somebody waits for (reliable messages, requests) is never dropped: a new one rejects.
   *
   * @default 'drop-oldest'
   */
  readonly policy?: 'drop-oldest' | 'reject' | undefined
}

export interface Buffered {
  readonly bytes: number

  /** Nobody waits for it. */
  readonly droppable: boolean
}

/** First in, first out, and never more than was allowed. */
export class OfflineBuffer<T extends Buffered> {
  readonly #maxMessages: number
  readonly #maxBytes: number
  readonly #policy: 'drop-oldest' | 'reject'
  readonly #onDrop: () => void
  #items = new Set<T>()
  #droppable = new Queue<T>()
  #bytes = 0

  constructor(options: OfflineBufferOptions, onDrop: () => void) {
    const { maxMessages = 1000, maxBytes = Infinity, policy = 'drop-oldest' } = options
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
    this.#policy = policy
    this.#onDrop = onDrop
  }

  get size(): number {
    return this.#items.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws `BUFFER_FULL` where the policy has no place for it. */
  add(item: T): void {
    while (!this.#fits(item)) {
      if (this.#policy === 'drop-oldest') {
        if (this.#dropOldest()) continue
        if (item.droppable) {
          this.#onDrop()
          return
        }
      }
      throw new CommlibError(
        'BUFFER_FULL',
        `not connected, and ${this.#items.size} messages of ${this.#bytes} bytes are waiting: raise offlineBuffer.maxMessages or maxBytes`,
      )
    }
    this.#insert(item)
  }

  /** Puts back, before all others, what had left already. It was accepted once, so it always has a place. */
  putBack(items: Iterable<T>): void {
    const later = this.#items
    this.#items = new Set()
    this.#droppable = new Queue()
    this.#bytes = 0
    for (const item of items) this.#insert(item)
    for (const item of later) this.#insert(item)
  }

  remove(item: T): boolean {
    if (!this.#items.delete(item)) return false
    this.#bytes -= item.bytes
    return true
  }

  /** Takes out one after the other, those too that come meanwhile. */
  *drain(): Generator<T> {
    // Not the first one each time: a Set walks over what was deleted before it.
    for (const item of this.#items) {
      this.remove(item)
      // Both are in the same order: what stands before it there was removed.
      if (item.droppable) while (this.#droppable.shift() !== item);
      yield item
    }
  }

  #insert(item: T): void {
    this.#items.add(item)
    if (item.droppable) this.#droppable.push(item)
    this.#bytes += item.bytes
  }

  #fits(item: T): boolean {
    return this.#items.size < this.#maxMessages && this.#bytes + item.bytes <= this.#maxBytes
  }

  #dropOldest(): boolean {
    for (;;) {
      const oldest = this.#droppable.shift()
      if (oldest === undefined) return false
      if (!this.remove(oldest)) continue
      this.#onDrop()
      return true
    }
  }
}

/** Throws `INVALID_OPTION` for values that are not what they must be. The lean entries of transports do without. */
export function assertOfflineBuffer({ maxMessages, maxBytes, policy }: OfflineBufferOptions): void {
  assertOption('offlineBuffer.maxMessages', maxMessages, number())
  assertOption('offlineBuffer.maxBytes', maxBytes, number())
  const known = (value: unknown) => value === 'drop-oldest' || value === 'reject'
  assertOption('offlineBuffer.policy', policy, ["'drop-oldest' or 'reject'", known])
}
