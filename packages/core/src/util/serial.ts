import { Queue } from './queue.ts'

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
  #busy = false
  #idle: Array<() => void> = []

  constructor(options: SerialOptions<T>) {
    this.#options = options
  }

  push(item: T): void {
    if (this.#busy) {
      this.#waiting.push(item)
      if (this.#waiting.size > this.#options.limit) this.#options.onDrop(this.#waiting.shift() as T)
      return
    }
    const running = this.#options.run(item)
    if (running === undefined) return
    this.#busy = true
    void this.#continue(running)
  }

  async idle(): Promise<void> {
    if (this.#busy) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  async #continue(running: Promise<void>): Promise<void> {
    await running
    while (this.#waiting.size > 0) {
      const next = this.#options.run(this.#waiting.shift() as T)
      if (next !== undefined) await next
    }
    this.#busy = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
