import { Queue } from '@commlib/core/internal'

interface Entry {
  readonly id: number
  settled: boolean
}

/**
 * Acknowledges messages in the order of their receipt, as MQTT demands, each when it has been handled. What belongs to
 * a connection that has ended is never acknowledged: the broker sends it again.
 */
export class Acknowledgements {
  readonly #send: (id: number) => void
  readonly #waiting = new Queue<Entry>()
  #ended = false

  constructor(send: (id: number) => void) {
    this.#send = send
  }

  /** Takes the next one; returns what acknowledges it. */
  expect(id: number): () => void {
    const entry: Entry = { id, settled: false }
    this.#waiting.push(entry)
    return () => {
      entry.settled = true
      this.#advance()
    }
  }

  /** Acknowledges at once, if nothing is before it. */
  now(id: number): void {
    if (this.#waiting.size === 0 && !this.#ended) this.#send(id)
    else this.expect(id)()
  }

  end(): void {
    this.#ended = true
    this.#waiting.drain()
  }

  #advance(): void {
    for (let next = this.#waiting.first; next?.settled; next = this.#waiting.first) {
      this.#waiting.shift()
      if (!this.#ended) this.#send(next.id)
    }
  }
}
