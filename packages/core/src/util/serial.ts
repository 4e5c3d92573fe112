import { Queue } from './queue.ts'
import { Running } from './running.ts'

export interface SerialOptions<T> {
  /** Handles one item; must not throw or reject. */
  readonly run: (item: T) => void | Promise<void>

  /** Items that wait while one is handled; past it the oldest is dropped. */
  readonly limit: number
  readonly onDrop: (item: T) => void
}

/** Handles items one after the other, at once when nothing is under way. */
export class Serial<T> {
  readonly #options: SerialOptions<T>
  readonly #waiting = new Queue<T>()
  readonly #running = new Running()

  constructor(options: SerialOptions<T>) {
    this.#options = options
  }

  push(item: T): void {
    if (this.#running.count > 0) {
      this.#waiting.push(item)
      if (this.#waiting.size > this.#options.limit) this.#options.onDrop(this.#waiting.shift() as T)
      return
    }
    const running = this.#options.run(item)
    if (running === undefined) return
    this.#running.start()
    void this.#continue(running)
  }

  idle(): Promise<void> {
    return this.#running.idle()
  }

  async #continue(running: Promise<void>): Promise<void> {
    await running
    while (this.#waiting.size > 0) {
      const next = this.#options.run(this.#waiting.shift() as T)
      if (next !== undefined) await next
    }
    this.#running.end()
  }
}
