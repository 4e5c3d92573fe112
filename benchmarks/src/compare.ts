import type { Result } from './measure.ts'
import type { Row, Target } from './rows.ts'
import { type Summary, summarize } from './statistics.ts'

/**
 * The quotient of two peers, taken run by run, since a run's turns are taken side by side; `undefined` where one of
 * them has no figure, or where what they do is not worth the same.
 */
export function quotient(results: readonly Result[], peer: string, other: string): Summary | undefined {
  const quotients = results
    .filter(result => result.peer === peer)
    .flatMap(own => {
      const base = results.find(result => result.peer === other && result.run === own.run)
      if (base === undefined || base.class !== own.class) return []
      const value = own.figure / base.figure
      return Number.isFinite(value) ? [value] : []
    })
  return quotients.length === 0 ? undefined : summarize(quotients)
}

/**
 * By what factor a bound may be missed in `--quick`: on two cores with a load of 17, RPC with 64 calls in flight was seen
 * to miss its own by 2.5. What this is to find, such as a delayed acknowledgement of TCP, makes a call many times as long.
 */
const ROOM = 3

export interface Verdict {
  readonly target: Target
  readonly reached: Summary
  readonly passed: boolean

  /** Missed by more than noise explains. */
  readonly failed: boolean
}

/** Whether commlib reached the row's targets. */
export function verdicts(row: Row, results: readonly Result[]): Verdict[] {
  return row.targets.flatMap(target => {
    const own = results.filter(({ peer }) => peer === 'commlib').map(({ figure }) => figure)
    const reached = row.transport === 'memory' ? summarize(own) : quotient(results, 'commlib', target.to)
    if (reached === undefined || own.length === 0) return []
    const { atMost = Number.POSITIVE_INFINITY, atLeast = 0 } = target
    const within = (room: number) => reached.median <= atMost * room && reached.median >= atLeast / room
    return [{ target, reached, passed: within(1), failed: !within(ROOM) }]
  })
}

export function tell({ target, reached, passed }: Verdict, nameOf: (peer: string) => string): string {
  const bound = target.atMost === undefined ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`
  const { median, min, max } = reached
  const spread = `${median.toFixed(2)} × (${min.toFixed(2)} – ${max.toFixed(2)})`
  return `Target ${bound} × ${nameOf(target.to)}: **${passed ? 'reached' : 'MISSED'}** with ${spread}.`
}
