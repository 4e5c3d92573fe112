/** Milliseconds without news after which the service is asked, doubling to the last. */
const FIRST = 1000
const LAST = 10_000

/** Milliseconds after which the result of a goal that is over is asked for again. */
const SOON = 250

/** Asks after a goal that nothing is heard of: what it published may be lost. */
export class GoalWatch {
  readonly #ask: () => void
  #delay = FIRST
  #heard = performance.now()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ask: () => void) {
    this.#ask = ask
    this.#arm(FIRST)
  }

  /** Something was heard of the goal. Cheap: the timer goes on, and finds out when it fires. */
  news(): void {
    this.#heard = performance.now()
    this.#delay = FIRST
  }

  /** Asks soon. */
  hurry(): void {
    this.#delay = SOON
    this.#heard = performance.now()
    this.#arm(SOON)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #arm(delay: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#fire(), delay)
  }

  #fire(): void {
    const quiet = performance.now() - this.#heard
    // A timer may be early by a fraction.
    if (quiet < this.#delay - 1) {
      this.#arm(this.#delay - quiet)
    } else {
      this.#delay = Math.min(this.#delay * 2, LAST)
      this.#heard = performance.now()
      this.#arm(this.#delay)
      this.#ask()
    }
  }
}
