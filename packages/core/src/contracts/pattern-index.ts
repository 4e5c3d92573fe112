/** Where patterns that begin alike go on. */
interface Level<T> {
  readonly next: Map<string, Level<T>>

  /** Of patterns that end here. */
  readonly values: Set<T>

  /** Of patterns whose last `*` stands for whatever follows. */
  readonly rest: Set<T>
}

/**
 * What is there for addresses (topics, and patterns with `*` as their only wildcard), found by a topic in steps that its
 * segments count, not the addresses: whoever subscribes to 100,000 of them pays no more for a message.
 */
export class PatternIndex<T> {
  readonly #root: Level<T> = level()

  /** The same one may be there for several addresses, once for each. */
  add(address: string, value: T): void {
    let at = this.#root
    const segments = address.split('.')
    const rest = segments.at(-1) === '*' && segments.pop()
    for (const segment of segments) {
      let next = at.next.get(segment)
      if (next === undefined) at.next.set(segment, (next = level()))
      at = next
    }
    ;(rest ? at.rest : at.values).add(value)
  }

  /** Of one that is not there, nothing comes. */
  delete(address: string, value: T): void {
    const segments = address.split('.')
    const rest = segments.at(-1) === '*' && segments.pop()
    const path: Level<T>[] = [this.#root]
    for (const segment of segments) {
      const next = path.at(-1)?.next.get(segment)
      if (next === undefined) return
      path.push(next)
    }
    const last = path.at(-1)
    ;(rest ? last?.rest : last?.values)?.delete(value)
    for (let i = segments.length; i > 0 && isEmpty(path[i] as Level<T>); i--) {
      path[i - 1]?.next.delete(segments[i - 1] as string)
    }
  }

  /** A list of its own. */
  matching(topic: string): T[] {
    const found: T[] = []
    if (isEmpty(this.#root)) return found
    let levels = [this.#root]
    for (const segment of topic.split('.')) {
      const next: Level<T>[] = []
      for (const at of levels) {
        for (const value of at.rest) found.push(value)
        for (const key of [segment, '*']) {
          const reached = at.next.get(key)
          if (reached !== undefined) next.push(reached)
        }
      }
      levels = next
    }
    for (const { values } of levels) for (const value of values) found.push(value)
    return found
  }
}

function level<T>(): Level<T> {
  return { next: new Map(), values: new Set(), rest: new Set() }
}

function isEmpty({ next, values, rest }: Level<unknown>): boolean {
  return next.size + values.size + rest.size === 0
}
