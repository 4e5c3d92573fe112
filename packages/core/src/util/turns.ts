/** Turns of one each after which the next is thought to be like them: with fewer, work that overlaps would be, too. */
const SINGLE = 8

/**
 * Tells what has no others to share a write with: to wait for the end of the turn costs a twentieth of a sequential call's
 * time.
 */
export class Turns {
  #now = 0

  /** Turns up to the last one that had a single one each. */
  #single = SINGLE

  /** Whether it is the first of its turn, which is to end in `end()`. */
  add(): boolean {
    return this.#now++ === 0
  }

  /** Whether this turn has had one, and will have no other, going by the last ones. */
  get alone(): boolean {
    return this.#now === 1 && this.#single >= SINGLE
  }

  /** Begins the next turn. */
  end(): void {
    this.#single = this.#now === 1 ? this.#single + 1 : 0
    this.#now = 0
  }
}
