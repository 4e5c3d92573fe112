import type { Value } from './payload.ts'
import type { Row } from './rows.ts'
import { percentile } from './statistics.ts'
import { clock, processorTime } from './tally.ts'

/** What one peer did in its turn. */
export interface Turn {
  /** Calls answered, messages confirmed, or messages received. */
  readonly count: number
  readonly sent: number

  /** Milliseconds. */
  readonly elapsed: number

  /** Milliseconds of a call: median, and what 99 and 99.9 of 100 calls took at most; NaN where calls overlap. */
  readonly latency: number
  readonly p99: number
  readonly p999: number
  readonly started: number
  readonly lost: number
  readonly duplicates: number

  /** Milliseconds of processor time of both processes. */
  readonly cpu: number
  readonly brokerCpu: number

  /** Rejected, or answered with something else. */
  readonly failed: number
}

export interface Course {
  readonly milliseconds: number
  readonly valueAt: (sequence: number) => Value
  readonly row: Row
}

/** Milliseconds that are waited for answers after a turn; then they count as lost. */
const PATIENCE = 2000

/** Sends for a time as the row says: so many under way, so many a second, or as many as backpressure lets through. */
export function takeTurn(send: (value: Value, sequence: number) => unknown, course: Course) {
  if (course.row.rate !== undefined) return keepRate(send, course.row.rate, course)
  if (course.row.inFlight !== undefined) return keepInFlight(send, course.row.inFlight, course)
  return flood(send, course)
}

type Send = Parameters<typeof takeTurn>[0]

/** Keeps so many under way, each next one when one has settled. */
async function keepInFlight(send: Send, inFlight: number, { milliseconds, valueAt, row }: Course): Promise<Turn> {
  const results = new Results(row)
  const end = performance.now() + milliseconds
  async function lane(): Promise<void> {
    for (let start = performance.now(); start < end; start = performance.now()) {
      const value = valueAt(results.sent)
      await results.follow(send(value, results.sent), value, start)
    }
  }
  await within(milliseconds + PATIENCE, Promise.all(Array.from({ length: inFlight }, lane)))
  return results.turn()
}

/**
 * Starts calls when they are due and counts their time from then on, also where the sender itself was late: so a stall
 * shows in every call that was due meanwhile, and not in one (no coordinated omission).
 */
async function keepRate(send: Send, rate: number, { milliseconds, valueAt, row }: Course): Promise<Turn> {
  const results = new Results(row)
  const under: Promise<void>[] = []
  const begin = performance.now()
  while (performance.now() - begin < milliseconds) {
    for (let due = begin + (results.sent * 1000) / rate; due <= performance.now(); due += 1000 / rate) {
      const value = valueAt(results.sent)
      under.push(results.follow(send(value, results.sent), value, due))
    }
    await new Promise(setImmediate)
  }
  await within(PATIENCE, Promise.all(under))
  return results.turn()
}

/** As fast as backpressure lets it. */
async function flood(send: Send, { milliseconds, valueAt, row }: Course): Promise<Turn> {
  const results = new Results(row)
  const begin = performance.now()
  while (performance.now() - begin < milliseconds && results.sent < (row.most ?? Infinity)) {
    for (let i = 0; i < 64; i++) {
      const sequence = results.sent++
      const sending = send(valueAt(sequence), sequence)
      if (sending !== undefined) await sending
    }
  }
  return { ...results.turn(), count: results.sent, elapsed: performance.now() - begin, lost: 0 }
}

class Results {
  sent = 0
  readonly #row: string
  readonly #answers: boolean
  readonly #timed: boolean
  readonly #latencies: number[] = []
  readonly #started = clock()
  readonly #begin = performance.now()
  readonly #before = process.cpuUsage()
  #last = performance.now()
  #count = 0
  #failed = 0

  constructor({ id, deed, inFlight }: Row) {
    this.#row = id
    this.#answers = deed === 'rpc' || deed === 'actions'
    this.#timed = inFlight === undefined || inFlight === 1
  }

  async follow(sending: unknown, { id }: Value, start: number): Promise<void> {
    this.sent++
    const wrong = await failureOf(sending, this.#answers ? id : undefined)
    this.#last = performance.now()
    if (wrong !== undefined) {
      if (this.#failed++ === 0) console.error(`${this.#row}: ${wrong}`)
      return
    }
    this.#count++
    if (this.#timed) this.#latencies.push(this.#last - start)
  }

  turn(): Turn {
    const sorted = Float64Array.from(this.#latencies).sort()
    return {
      count: this.#count,
      sent: this.sent,
      elapsed: this.#last - this.#begin,
      latency: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      p999: percentile(sorted, 0.999),
      started: this.#started,
      lost: this.sent - this.#count - this.#failed,
      duplicates: 0,
      failed: this.#failed,
      brokerCpu: 0,
      cpu: processorTime(this.#before),
    }
  }
}

async function failureOf(sending: unknown, id: number | undefined): Promise<string | undefined> {
  try {
    const answer = await sending
    return id === undefined || (answer as Value).id === id ? undefined : 'the answer to another call'
  } catch (error) {
    return String(error)
  }
}

async function within(milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const given = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([done, given])
  clearTimeout(timer)
}
