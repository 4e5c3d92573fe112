import { Queue } from './queue.ts'

export interface AsyncQueueOptions<T> {
  /** Items kept for a slow reader; past it the oldest is dropped. */
  readonly limit: number
  readonly onDrop?: ((item: T) => void) | undefined

  /** Runs once, however the reading ends. */
  readonly onClose?: (() => Promise<void> | void) | undefined
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T>) => void
  readonly reject: (error: unknown) => void
}

/** An async iterator that is pushed into, bounded: a slow reader costs freshness, not memory. */
export class AsyncQueue<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #options: AsyncQueueOptions<T>
  readonly #items = new Queue<T>()
  readonly #waiting = new Queue<Waiter<T>>()
  #ended: { readonly error?: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(options: AsyncQueueOptions<T>) {
    this.#options = options
  }

  push(value: T): void {
    if (this.#ended !== undefined) return
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value })
      return
    }
    this.#items.push(value)
    if (this.#items.size > this.#options.limit) this.#options.onDrop?.(this.#items.shift() as T)
  }

  /** No more items; those already buffered are still read. */
  end(error?: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = error === undefined ? {} : { error }
    for (const waiter of this.#waiting.drain()) {
      if (error === undefined) waiter.resolve({ done: true, value: undefined })
      else waiter.reject(error)
    }
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.size > 0) return Promise.resolve({ done: false, value: this.#items.shift() as T })
    if (this.#ended === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    if ('error' in this.#ended) return Promise.reject(this.#ended.error)
    return Promise.resolve({ done: true, value: undefined })
  }

  async return(): Promise<IteratorResult<T>> {
    this.end()
    this.#items.drain()
    await (this.#closing ??= (async () => this.#options.onClose?.())())
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
