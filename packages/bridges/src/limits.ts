/** Topics whose limits are remembered; the one unheard of for longest begins anew. */
const TOPICS = 10_000

interface State {
  count: number

  /** When the next message may pass. */
  next: number
}

/** Lets a part of the messages of each topic through. */
export function limiter(rate: number, sample: number): ((topic: string) => boolean) | undefined {
  if (rate === Infinity && sample === 1) return undefined
  const gap = 1000 / rate
  const states = new Map<string, State>()
  return topic => {
    const now = performance.now()
    const state = states.get(topic) ?? { count: 0, next: -Infinity }
    states.delete(topic)
    states.set(topic, state)
    if (states.size > TOPICS) for (const [oldest] of states) if (states.delete(oldest)) break
    if (state.count++ % sample !== 0) return false
    if (now < state.next) return false
    // One that is a little late does not put off those after it.
    state.next = Math.max(state.next, now - gap / 2) + gap
    return true
  }
}
