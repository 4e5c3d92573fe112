/** How long to wait before trying again. */
export interface BackoffOptions {
  /** Milliseconds before the second attempt. */
  readonly first: number

  /** Milliseconds that doubling stops at. */
  readonly max: number

  /** The part that is random, so that a fleet does not come back in step. @default 0.2 */
  readonly jitter?: number | undefined
}

/** Between attempts to connect. */
export const RECONNECT: BackoffOptions = { first: 100, max: 1000 }

/** Between attempts to establish what the broker refused: a human has to change something first. */
export const REFUSED: BackoffOptions = { first: 500, max: 30_000 }

/** Milliseconds to wait after this many failures, from 1 on. */
export function backoff(failures: number, options: BackoffOptions, random: () => number = Math.random): number {
  const { first, max, jitter = 0.2 } = options
  // 2 ** 1024 is Infinity, which Math.min turns into `max`.
  const delay = Math.min(max, first * 2 ** (failures - 1))
  return Math.round(Math.min(max, delay * (1 - jitter + 2 * jitter * random())))
}
