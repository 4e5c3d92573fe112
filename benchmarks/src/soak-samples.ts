import type { EventEmitter } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

/** What a process holds at one moment, after garbage collection. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number
  readonly sockets: number
  readonly timers: number
  readonly listeners: number

  /** MiB. */
  readonly rss: number
  /** What is alive on V8's heap, and what V8 has taken from the system for it. */
  readonly heap: number
  readonly heapTotal: number
  /** Behind Buffers, outside the heap. */
  readonly buffers: number
}

/** What was done by then. */
export interface Progress {
  readonly sent: number
  readonly lost: number
  readonly called: number
  readonly answered: number
  readonly errors: number
}

const MIB = 1024 * 1024

/** The first of this part of the samples are warming up. */
const WARM_UP = 0.2

/** Collects garbage if node was started with --expose-gc. */
export async function measureProcess(at: number): Promise<Sample> {
  // What has just been answered lets go of its timers first.
  await wait(100)
  globalThis.gc?.()
  const { rss, heapUsed, heapTotal, arrayBuffers } = process.memoryUsage()
  const names = process.getActiveResourcesInfo()
  const count = (name: string) => names.filter(each => each === name).length
  return {
    at,
    sockets: count('TCPSocketWrap'),
    timers: count('Timeout'),
    listeners: listeners(),
    rss: rss / MIB,
    heap: heapUsed / MIB,
    heapTotal: heapTotal / MIB,
    buffers: arrayBuffers / MIB,
  }
}

/** Listeners on the process and on everything that keeps it alive. */
function listeners(): number {
  // No public function tells the handles themselves.
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  const emitters = [process, ...handles.filter((handle): handle is EventEmitter => hasEvents(handle))]
  return emitters.reduce(
    (sum, emitter) => sum + emitter.eventNames().reduce((all, name) => all + emitter.listenerCount(name), 0),
    0,
  )
}

function hasEvents(handle: unknown): boolean {
  return typeof handle === 'object' && handle !== null && 'eventNames' in handle
}

/** What is more in the last third than in the first, the warm-up left out. */
export function grown(samples: readonly Sample[]): string[] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP))
  const third = Math.floor(warm.length / 3)
  if (third < 2) return ['too few samples to tell: run for longer']
  const faults: string[] = []
  const compare = (
    what: 'sockets' | 'timers' | 'listeners' | 'rss' | 'heap' | 'buffers',
    allowed: (first: number) => number,
  ) => {
    const first = median(warm.slice(0, third).map(sample => sample[what]))
    const last = median(warm.slice(-third).map(sample => sample[what]))
    if (last > allowed(first)) faults.push(`${what} from ${first.toFixed(1)} to ${last.toFixed(1)}`)
  }
  compare('sockets', first => first)
  // Calls in flight have one each.
  compare('timers', first => first + 20)
  compare('listeners', first => first)
  compare('rss', first => first * 1.1 + 10)
  compare('heap', first => first * 1.1 + 2)
  compare('buffers', first => first * 1.1 + 2)
  return faults
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** A line for each sample. */
export const table = {
  head: '    s  sockets  timers  listeners    RSS   heap of total  buffers      sent  lost    calls  open  errors',
  row: (sample: Sample, progress: Progress): string => {
    const { at, sockets, timers, listeners, rss, heap, heapTotal, buffers } = sample
    const { sent, lost, called, answered, errors } = progress
    const columns: ReadonlyArray<readonly [string | number, number]> = [
      [at.toFixed(0), 5],
      [sockets, 9],
      [timers, 8],
      [listeners, 11],
      [rss.toFixed(1), 7],
      [heap.toFixed(1), 7],
      [heapTotal.toFixed(1), 9],
      [buffers.toFixed(1), 9],
      [sent, 10],
      [lost, 6],
      [called, 9],
      [called - answered, 6],
      [errors, 8],
    ]
    return columns.map(([value, width]) => String(value).padStart(width)).join('')
  },
}
