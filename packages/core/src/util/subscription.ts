import type { Subscription } from '../transport.ts'

/** A {@link Subscription} out of the function that ends it. Ending it twice is harmless. */
export function subscription(end: () => Promise<void> | void): Subscription {
  let ended: Promise<void> | undefined
  const close = () => (ended ??= (async () => end())())
  return { close, [Symbol.asyncDispose]: close }
}
