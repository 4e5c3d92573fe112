import { raceSignal } from '@commlib/core/internal'

/** Lets so many in at a time, one after the other. */
export class Window {
  readonly #waiting: Array<() => void> = []
  #free: number

  constructor(size: number) {
    this.#free = size
  }

  /** Resolves when there is room, which `leave()` gives back. */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#free-- > 0) return
    const turn = new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      await raceSignal(turn, signal)
    } catch (error) {
      void turn.then(() => this.leave())
      throw error
    }
  }

  leave(): void {
    this.#free++
    this.#waiting.shift()?.()
  }

  /** Lets everybody in. */
  end(): void {
    for (const turn of this.#waiting.splice(0)) turn()
  }
}
