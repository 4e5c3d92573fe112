/** `setTimeout`, which fires at once past 24 days: then there is no timer, and nothing keeps the process. */
export function later(run: () => void, milliseconds: number): ReturnType<typeof setTimeout> | undefined {
  return milliseconds < 2 ** 31 ? setTimeout(run, milliseconds) : undefined
}
