/** Tells of lost messages without a status for each of them: at once, then at most once a second. */
export class Losses {
  readonly #report: (count: number, reason: string) => void
  readonly #interval: number
  #counts = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(report: (count: number, reason: string) => void, interval = 1000) {
    this.#report = report
    this.#interval = interval
  }

  /** Counts what was lost. */
  add(reason: string, count = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count)
    if (this.#timer !== undefined) return
    this.#tell()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#tell()
    }, this.#interval)
  }

  /** Tells what is left to tell, and leaves no timer. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#tell()
  }

  #tell(): void {
    const counts = this.#counts
    if (counts.size === 0) return
    this.#counts = new Map()
    for (const [reason, count] of counts) this.#report(count, reason)
  }
}
