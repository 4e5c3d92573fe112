import { type Reading, reading } from './payload.ts'
import { median } from './statistics.ts'
import { clock, processorTime } from './tally.ts'

/** What one peer did in its turn. */
export interface Turn {
  /** Calls answered, messages confirmed, or messages received. */
  readonly count: number
  readonly sent: number

  /** Milliseconds. */
  readonly elapsed: number

  /** Median milliseconds of a call; NaN unless calls go one after the other. */
  readonly latency: number
  readonly started: number
  readonly lost: number
  readonly duplicates: number

  /** Milliseconds of processor time of both processes. */
  readonly cpu: number
  readonly brokerCpu: number

  /** Rejected, or answered with something else. */
  readonly failed: number
}

/** Milliseconds that are waited for answers after a turn; then they count as lost. */
const PATIENCE = 2000

/** Sends for `milliseconds`, keeping `inFlight` under way, each next one when one has settled. */
export async function keepInFlight(
  send: (value: Reading) => Promise<unknown>,
  { milliseconds, inFlight, answers }: { milliseconds: number; inFlight: number; answers: boolean },
): Promise<Turn> {
  const latencies: number[] = []
  const started = clock()
  const before = process.cpuUsage()
  const end = performance.now() + milliseconds
  const begin = performance.now()
  let sent = 0
  let count = 0
  let failed = 0
  let last = begin

  async function lane(): Promise<void> {
    for (let start = performance.now(); start < end; start = last) {
      const value = reading(sent++)
      try {
        const answer = await send(value)
        if (answers && (answer as Reading).id !== value.id) failed++
        else count++
      } catch {
        failed++
      }
      last = performance.now()
      if (inFlight === 1) latencies.push(last - start)
    }
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  const given = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds + PATIENCE)
  })
  await Promise.race([Promise.all(Array.from({ length: inFlight }, lane)), given])
  clearTimeout(timer)
  const lost = sent - count - failed
  return {
    count,
    sent,
    elapsed: last - begin,
    latency: median(latencies),
    started,
    lost,
    duplicates: 0,
    failed,
    brokerCpu: 0,
    cpu: processorTime(before),
  }
}

/** Sends for `milliseconds`, as fast as backpressure lets it. */
export async function flood(
  send: (value: Reading) => Promise<void> | void,
  { milliseconds }: { milliseconds: number },
): Promise<Turn> {
  const started = clock()
  const before = process.cpuUsage()
  const begin = performance.now()
  let sent = 0
  while (performance.now() - begin < milliseconds) {
    for (let i = 0; i < 64; i++) {
      const sending = send(reading(sent++))
      if (sending !== undefined) await sending
    }
  }
  const elapsed = performance.now() - begin
  const cpu = processorTime(before)
  return {
    count: sent,
    sent,
    elapsed,
    cpu,
    brokerCpu: 0,
    latency: Number.NaN,
    started,
    lost: 0,
    duplicates: 0,
    failed: 0,
  }
}
