import type { Goal } from './goal-machine.ts'

/** How long, and how many, goals are kept when they are over. */
export interface KeepOptions {
  /** Milliseconds that the result of a goal is kept. */
  readonly retainTime: number

  /** Results that are kept, the newest ones. */
  readonly retainCount: number

  /** Milliseconds that a result is kept whatever their number, for the client that is about to fetch it. @default 0 */
  readonly fetchTime?: number | undefined
}

/** A goal that is over, and when it ended. */
interface KeptGoal {
  readonly goal: Goal
  readonly at: number
}

/** Results that are kept for whoever is about to fetch them, at most: each may be as large as a message. */
const MOST = 10_000

/**
 * Goals that are over, in order of their end. Thousands of them may be kept for a moment, so unlike the board they are
 * changed in place: nothing here takes longer with their number.
 */
export class KeptGoals {
  readonly #options: KeepOptions
  readonly #kept = new Map<string, KeptGoal>()

  /** By their ids, the oldest first. */
  readonly all: ReadonlyMap<string, KeptGoal> = this.#kept

  constructor(options: KeepOptions) {
    this.#options = options
  }

  /** When the oldest of them ended. */
  get since(): number | undefined {
    return this.#kept.values().next().value?.at
  }

  add(goal: Goal, now: number): void {
    this.#kept.set(goal.id, { goal, at: now })
    this.forget(now)
  }

  get(id: string, now: number): Goal | undefined {
    const kept = this.#kept.get(id)
    return kept === undefined || now - kept.at >= this.#options.retainTime ? undefined : kept.goal
  }

  /** Drops what has been kept for long enough. */
  forget(now: number): void {
    const { retainTime, retainCount, fetchTime = 0 } = this.#options
    for (const [id, { at }] of this.#kept) {
      const most = this.#kept.size > retainCount ? Math.min(fetchTime, retainTime) : retainTime
      if (now - at < most && this.#kept.size <= Math.max(MOST, retainCount)) return
      this.#kept.delete(id)
    }
  }
}
