import { CommlibError } from '../errors.ts'
import { assertOptions, integer, number } from '../util/options.ts'
import type { Dedup } from './subscriber-options.ts'

/** Options of {@link dedup}. */
export interface DedupOptions {
  /** Milliseconds that a message is remembered. @default 600_000 */
  readonly time?: number | undefined

  /** Messages that are remembered, beyond which the oldest is forgotten. @default 100_000 */
  readonly count?: number | undefined
}

/**
 * Makes a window in which a subscription gets each reliable message once: `subscribe(contract, handler, { dedup: dedup() })`.
 * It lives as long as the subscription, in memory. A message without an id, such as any best-effort one and Python's, passes.
 */
export function dedup(options: DedupOptions = {}): Dedup {
  assertOptions('dedup', options, { time: number(1), count: integer(1) })
  const { time = 600_000, count = 100_000 } = options
  return ({ name, supports }) => {
    if (supports.headers === 'never') {
      throw new CommlibError('UNSUPPORTED', `${name} carries no headers here, by which a message is known again`)
    }
    const seen = new Map<string, number>()
    return ({ headers }) => {
      const id = headers?.['id']
      if (id === undefined) return false
      const now = performance.now()
      const had = seen.get(id)
      if (had !== undefined && now - had < time) return true
      seen.delete(id)
      seen.set(id, now)
      // In the order of their coming.
      for (const [oldest, at] of seen) {
        if (seen.size <= count && now - at < time) break
        seen.delete(oldest)
      }
      return false
    }
  }
}
