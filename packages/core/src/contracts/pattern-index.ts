/** Where addresses that begin alike go on. */
interface Level<T> {
  readonly next: Map<string, Level<T>>

  /** Of addresses that end here. */
  readonly values: Set<T>
}

/** In place of a last `*`, which stands for all that follows, where others stand for one segment. */
const REST = '**'

/**
 * What is there for addresses (topics, and patterns with `*` as their only wildcard), found by a topic in steps that its
 * segments count, not the addresses: whoever subscribes to 100,000 of them pays no more for a message.
 */
export class PatternIndex<T> {
  readonly #root: Level<T> = level()

  /** The same one may be there for several addresses, once for each. */
  add(address: string, value: T): void {
    let at = this.#root
    for (const segment of segmentsOf(address)) {
      let next = at.next.get(segment)
      if (next === undefined) at.next.set(segment, (next = level()))
      at = next
    }
    at.values.add(value)
  }

  /** Of one that is not there, nothing comes. */
  delete(address: string, value: T): void {
    const way: (readonly [from: Level<T>, segment: string])[] = []
    let at = this.#root
    for (const segment of segmentsOf(address)) {
      const next = at.next.get(segment)
      if (next === undefined) return
      way.push([at, segment])
      at = next
    }
    at.values.delete(value)
    for (const [from, segment] of way.reverse()) {
      if (!isEmpty(at)) return
      from.next.delete(segment)
      at = from
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
        collect(at.next.get(REST), found)
        for (const key of [segment, '*']) {
          const reached = at.next.get(key)
          if (reached !== undefined) next.push(reached)
        }
      }
      levels = next
    }
    for (const at of levels) collect(at, found)
    return found
  }
}

function level<T>(): Level<T> {
  return { next: new Map(), values: new Set() }
}

function segmentsOf(address: string): string[] {
  return address.replace(/\*$/, REST).split('.')
}

function isEmpty({ next, values }: Level<unknown>): boolean {
  return next.size + values.size === 0
}

function collect<T>(level: Level<T> | undefined, found: T[]): void {
  if (level !== undefined) for (const value of level.values) found.push(value)
}
