import type { BridgeCounters } from './options.ts'

/** What the directions of a bridge count together. */
export interface Tally {
  forwarded: number
  dropped: number
  filtered: number
  looped: number
  errors: number
}

/** What can say how much waits, and since when. */
export interface Backlog {
  readonly spooled: number

  /** When the oldest came, by `performance.now()`. */
  readonly oldest: number | undefined
}

export function newTally(): Tally {
  return { forwarded: 0, dropped: 0, filtered: 0, looped: 0, errors: 0 }
}

/** Counters as they stand now. */
export function countersOf(tally: Tally, backlogs: readonly Backlog[]): BridgeCounters {
  let spooled = 0
  let oldest = Infinity
  for (const backlog of backlogs) {
    spooled += backlog.spooled
    oldest = Math.min(oldest, backlog.oldest ?? Infinity)
  }
  return { ...tally, spooled, lag: oldest === Infinity ? 0 : Math.max(0, Math.round(performance.now() - oldest)) }
}
