import { FIRST_ID, type Value } from './payload.ts'

export interface Received {
  /** Distinct messages. */
  readonly count: number
  readonly duplicates: number

  /** Milliseconds of the system's monotonic clock, which all processes share, when the last one arrived. */
  readonly last: number

  /** Milliseconds of processor time that the turn took here. */
  readonly cpu: number
}

/** Messages of a turn, at most. */
const MAX = 1 << 23

/** Counts what arrives in one turn, by sequence number and subscriber. */
export class Tally {
  readonly #seen: Uint8Array
  readonly #perSubscriber: number
  #count = 0
  #duplicates = 0
  #last = 0
  #cpu = process.cpuUsage()

  /** @param copies subscribers that each get every message */
  constructor(copies = 1) {
    this.#perSubscriber = Math.floor(MAX / copies)
    this.#seen = new Uint8Array(MAX)
  }

  /** @param subscriber which of those that each get every message */
  add({ id }: Value, subscriber = 0): void {
    const sequence = subscriber * this.#perSubscriber + id - FIRST_ID
    if (this.#seen[sequence] === 1) this.#duplicates++
    else {
      this.#seen[sequence] = 1
      this.#count++
    }
    this.#last = performance.now()
  }

  reset(): void {
    this.#seen.fill(0)
    this.#count = 0
    this.#duplicates = 0
    this.#cpu = process.cpuUsage()
  }

  /** Resolves when all have arrived and a moment has passed for duplicates, or when nothing has come for a second. */
  settle(sent: number): Promise<Received> {
    return new Promise(resolve => {
      const asked = performance.now()
      const timer = setInterval(() => {
        const quiet = performance.now() - Math.max(this.#last, asked)
        if (quiet < (this.#count >= sent ? 20 : 1000)) return
        clearInterval(timer)
        resolve({
          count: this.#count,
          duplicates: this.#duplicates,
          last: this.#last - performance.now() + clock(),
          cpu: processorTime(this.#cpu),
        })
      }, 10)
    })
  }
}

/** Milliseconds of the system's monotonic clock. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Milliseconds of processor time since a `process.cpuUsage()`. */
export function processorTime(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
