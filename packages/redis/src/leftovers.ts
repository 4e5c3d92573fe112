import type { Send } from './connection.ts'

/** Milliseconds between two sweeps. */
const INTERVAL = 60_000

/** Sweeps until nobody looks any more. */
const SWEEPS = 10

/** Lists that are looked after; with more, the oldest are given up. */
const MOST = 10_000

/** Lists that one command names. */
const BATCH = 1000

/**
 * Removes the lists of calls that nobody waits for any more: an answer of commlib-py may come at any time, and its list
 * does not expire.
 */
export class Leftovers {
  readonly #send: Send

  /** Lists, the oldest first, and the sweeps to come. */
  readonly #lists = new Map<string, number>()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(send: Send) {
    this.#send = send
  }

  add(list: string): void {
    const [oldest] = this.#lists.keys()
    if (oldest !== undefined && this.#lists.size >= MOST) this.#lists.delete(oldest)
    this.#lists.set(list, SWEEPS)
    if (this.#timer !== undefined) return
    this.#timer = setInterval(() => this.#sweep(), INTERVAL)
    this.#timer.unref()
  }

  /** Removes what there is, and ends. */
  close(): void {
    this.#remove()
    this.#lists.clear()
    this.#stop()
  }

  #sweep(): void {
    this.#remove()
    for (const [list, sweeps] of this.#lists) {
      if (sweeps > 1) this.#lists.set(list, sweeps - 1)
      else this.#lists.delete(list)
    }
    if (this.#lists.size === 0) this.#stop()
  }

  #remove(): void {
    const lists = [...this.#lists.keys()]
    // With its connection gone, nothing can be removed.
    for (let i = 0; i < lists.length; i += BATCH) this.#send('del', lists.slice(i, i + BATCH)).catch(() => {})
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
