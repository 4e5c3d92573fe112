import { Queue } from './queue.ts'

export interface AsyncQueueOptions<T> {
  /** Items kept for a slow reader; past it the oldest is dropped. */
  readonly limit: number
  readonly onDrop?: ((item: T) => void) | undefined

  /** Runs once, however the reading ends. */
  readonly onClose?: (() => Promise<void> | void) | undefined
}

/** An async iterator that is pushed into, bounded: a slow reader costs freshness, not memory. */
export class AsyncQueue<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #options: AsyncQueueOptions<T>
  readonly #items = new Queue<T>()
  readonly #waiting = new Queue<(result: IteratorResult<T>) => void>()
  #ended = false
  #closing: Promise<void> | undefined

  constructor(options: AsyncQueueOptions<T>) {
    this.#options = options
  }

  push(value: T): void {
    if (this.#ended) return
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) {
      waiter({ done: false, value })
      return
    }
    this.#items.push(value)
    if (this.#items.size > this.#options.limit) this.#options.onDrop?.(this.#items.shift() as T)
  }

  /** No more items; those already buffered are still read. */
  end(): void {
    this.#ended = true
    for (const waiter of this.#waiting.drain()) waiter({ done: true, value: undefined })
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#items.size > 0) return { done: false, value: this.#items.shift() as T }
    if (this.#ended) return { done: true, value: undefined }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async return(): Promise<IteratorResult<T>> {
    this.end()
    this.#items.drain()
    await (this.#closing ??= (async () => this.#options.onClose?.())())
    return this.next()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
