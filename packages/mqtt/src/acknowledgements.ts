/**
 * Acknowledges messages in the order of their receipt, as MQTT demands, each when it has been handled. What belongs to
 * a connection that has ended is never acknowledged: the broker sends it again.
 */
export class Acknowledgements {
  readonly #send: (id: number) => void
  readonly #waiting: Array<{ readonly id: number; settled: boolean }> = []
  #ended = false

  constructor(send: (id: number) => void) {
    this.#send = send
  }

  /** Takes the next one; returns what acknowledges it. */
  expect(id: number): () => void {
    const entry = { id, settled: false }
    this.#waiting.push(entry)
    return () => {
      entry.settled = true
      this.#advance()
    }
  }

  /** Acknowledges at once, if nothing is before it. */
  now(id: number): void {
    if (this.#waiting.length === 0 && !this.#ended) this.#send(id)
    else this.expect(id)()
  }

  end(): void {
    this.#ended = true
    this.#waiting.length = 0
  }

  #advance(): void {
    let settled = 0
    while (this.#waiting[settled]?.settled) settled++
    // One removal for all: the array may be as long as the receive maximum.
    for (const { id } of this.#waiting.splice(0, settled)) if (!this.#ended) this.#send(id)
  }
}
