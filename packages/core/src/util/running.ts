/** Counts what is under way, and tells when nothing is. */
export class Running {
  #count = 0
  #idle: Array<() => void> = []

  get count(): number {
    return this.#count
  }

  start(): void {
    this.#count++
  }

  end(): void {
    if (--this.#count > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
  }
}
