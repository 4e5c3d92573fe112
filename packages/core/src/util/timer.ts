/** Past it `setTimeout` fires at once: 24 days are as good as any longer time. */
const LONGEST = 2 ** 31 - 1

/** `setTimeout`, for any number of milliseconds up to Infinity. */
export function later(run: () => void, milliseconds: number): ReturnType<typeof setTimeout> {
  return setTimeout(run, Math.min(milliseconds, LONGEST))
}
