import { CommlibError, type Context } from '@commlib/core/internal'
import { brokerName } from './loops.ts'

/** A name on a broker, under which calls are made. */
export interface Place {
  readonly broker: string
  readonly name: string
}

/** Where calls go on to, from each place. Within one process, bridges must find each other, whoever made them. */
export class Ways {
  readonly #ways = new Map<string, string[]>()

  /** Adds a way from one place to another, unless calls would come back on it: what returns takes it away again. */
  add(from: Place, to: Place): (() => void) | undefined {
    const [start, end] = [keyOf(from), keyOf(to)]
    if (this.#leads(end, start)) return undefined
    const ends = this.#ways.get(start) ?? []
    this.#ways.set(start, ends)
    ends.push(end)
    return () => {
      ends.splice(ends.indexOf(end), 1)
      if (ends.length === 0) this.#ways.delete(start)
    }
  }

  #leads(from: string, to: string, seen = new Set<string>()): boolean {
    if (from === to) return true
    if (seen.has(from)) return false
    seen.add(from)
    return (this.#ways.get(from) ?? []).some(next => this.#leads(next, to, seen))
  }
}

const ways = new Ways()

/**
 * Opens a way for calls. Throws `INVALID_OPTION` where bridges of this process would carry them in a circle. Those of other
 * processes are known by what a call says of the brokers it has been on.
 */
export function openWay(from: Place, to: Place): () => void {
  const close = ways.add(from, to)
  if (close !== undefined) return close
  throw new CommlibError('INVALID_OPTION', circleOf(from, to))
}

/** What to tell of a way that leads back. */
export function circleOf(from: Place, to: Place): string {
  const way = `'${from.name}'${from.name === to.name ? '' : ` to '${to.name}'`}`
  return `calls of ${way} would go in a circle, back to where another bridge takes them from: give to, namespace or rename`
}

/** A name where a node of a bridge is. */
export function placeOf(context: Context, broker: string | undefined, name: string): Place {
  return { broker: brokerName(context, broker), name }
}

function keyOf({ broker, name }: Place): string {
  return `${broker} ${name}`
}
