import { setTimeout as delay } from 'node:timers/promises'
import { type GoalQuery, STORING } from '@commlib/core/internal'

/** Goals that are remembered, beyond which the oldest is forgotten. */
const COUNT = 10_000

/** Has results fetched when they have been stored. */
export interface StoredResults {
  /** A goal was taken; `chosen` is the id that the client had for it. */
  taken(id: string, chosen: string | undefined): void

  /** Resolves when the result of a goal that is said to be over can be asked for. */
  ready(query: GoalQuery): GoalQuery | Promise<GoalQuery>
}

/**
 * A commlib-py service announces that a goal is over before it has stored the result, and the commlib-py client asks at
 * once. Services of ours have it by then, and are known by their goals: they keep the id that the client chose.
 */
export function storedResults(): StoredResults {
  const ours = new Set<string>()

  return {
    taken(id, chosen) {
      if (id !== chosen) return
      ours.add(id)
      const [oldest] = ours
      if (oldest !== undefined && ours.size > COUNT) ours.delete(oldest)
    },
    ready: query => (ours.has(query.id) ? query : delay(STORING, query)),
  }
}
