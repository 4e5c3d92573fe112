/** Writes one acknowledgement: of this delivery, or of all up to it. */
export type Acknowledge = (tag: number, multiple: boolean) => void

/**
 * Acknowledges the deliveries of one channel, those of one turn together: what makes an unbroken row with one frame, since
 * that is what most of them are, and what overtook others by itself, since its place is wanted.
 */
export class Acknowledgements {
  readonly #write: Acknowledge
  readonly #schedule: (flush: () => void) => void

  /** Everything up to this tag is settled. */
  #low = 0
  readonly #above = new Set<number>()
  #turn: number[] = []
  #delivered = 0
  #settled = 0
  #ended = false
  #idle: (() => void) | undefined

  constructor(write: Acknowledge, schedule: (flush: () => void) => void) {
    this.#write = write
    this.#schedule = schedule
  }

  /** A delivery has come. */
  expect(): void {
    this.#delivered++
  }

  settle(tag: number): void {
    this.#settled++
    if (this.#ended) return
    if (this.#turn.push(tag) === 1) this.#schedule(this.#flush)
  }

  /** Resolves when every delivery is settled and acknowledged, or can no longer be. */
  idle(): Promise<void> {
    if (this.#ended || (this.#settled === this.#delivered && this.#turn.length === 0)) return Promise.resolve()
    return new Promise(resolve => {
      this.#idle = resolve
    })
  }

  /** Acknowledges what is settled, and nothing after that. */
  leave(): void {
    this.#flush()
    this.end()
  }

  /** The channel has ended: what is unacknowledged comes again. */
  end(): void {
    this.#ended = true
    this.#turn = []
    this.#idle?.()
  }

  readonly #flush = (): void => {
    const turn = this.#turn
    if (this.#ended || turn.length === 0) return
    this.#turn = []
    for (const tag of turn) this.#above.add(tag)
    while (this.#above.delete(this.#low + 1)) this.#low++
    let last = 0
    let row = 0
    for (const tag of turn) {
      if (tag > this.#low) this.#write(tag, false)
      else {
        row++
        if (tag > last) last = tag
      }
    }
    if (row > 0) this.#write(last, row > 1)
    if (this.#settled === this.#delivered) this.#idle?.()
  }
}
