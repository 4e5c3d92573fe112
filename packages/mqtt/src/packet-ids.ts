const MAX = 65_535

/** The packet identifiers of a connection, shared by what mqtt.js sends and what we send. */
export class PacketIds {
  readonly #used = new Set<number>()
  #last = 0

  /** The next one that is free, or `null`, as mqtt.js wants it. */
  allocate(): number | null {
    if (this.#used.size === MAX) return null
    do this.#last = (this.#last % MAX) + 1
    while (this.#used.has(this.#last))
    this.#used.add(this.#last)
    return this.#last
  }

  getLastAllocated(): number | null {
    return this.#last === 0 ? null : this.#last
  }

  register(id: number): boolean {
    if (this.#used.has(id)) return false
    this.#used.add(id)
    return true
  }

  deallocate(id: number): void {
    this.#used.delete(id)
  }

  clear(): void {
    this.#used.clear()
  }
}
