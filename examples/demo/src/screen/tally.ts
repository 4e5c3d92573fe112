/** What went over the broker, as far as this screen has seen it. */
export class Tally {
  readonly #counts = new Map<string, number>()
  readonly #start = performance.now()

  add(what: 'heartbeat' | 'reading' | 'event' | 'call' | 'goal'): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000
  }

  toString(): string {
    return Array.from(this.#counts, ([what, count]) => `${count} ${what}${count === 1 ? '' : 's'}`).join(', ')
  }
}
