interface Asked {
  resolve(reason: number): void
  reject(error: Error): void
}

/** What waits for an answer of the broker, by packet identifier. */
export class Requests {
  readonly #asked = new Map<number, Asked>()
  #last = 0

  /** Resolves to the answer's reason code. @param send sends the packet with this identifier, or throws */
  ask(send: (id: number) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      // Far fewer wait than there are identifiers.
      do this.#last = (this.#last % 65_535) + 1
      while (this.#asked.has(this.#last))
      send(this.#last)
      this.#asked.set(this.#last, { resolve, reject })
    })
  }

  answer(id: number, reason: number): void {
    this.#asked.get(id)?.resolve(reason)
    this.#asked.delete(id)
  }

  end(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error)
  }
}
