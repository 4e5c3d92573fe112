import type { Argument } from './connection.ts'
import type { Endpoint } from './places.ts'
import { SLOTS } from './slots.ts'

/** Which node has which slots. */
export interface ClusterMap {
  /** The address, `host:port`, of the primary that has the slot with this number. */
  readonly slots: (string | undefined)[]

  /** The addresses of all primaries that have slots. */
  readonly primaries: readonly string[]
}

type Range = readonly [first: number, last: number, primary: readonly [host: Buffer | null, port: number, ...unknown[]]]

/** Asks a node for the slots. @param asked the host it is at: one that has no name for itself means that */
export async function readMap(
  send: (name: string, args: Argument[]) => Promise<unknown>,
  asked: string,
): Promise<ClusterMap> {
  const slots = new Array<string | undefined>(SLOTS).fill(undefined)
  const primaries = new Set<string>()
  for (const [first, last, [host, port]] of (await send('cluster', ['slots'])) as Range[]) {
    const name = host === null || host.length === 0 || String(host) === '?' ? asked : String(host)
    const address = `${name}:${port}`
    primaries.add(address)
    slots.fill(address, first, last + 1)
  }
  return { slots, primaries: [...primaries] }
}

/** The two parts of an address. */
export function endpointOf(address: string): Endpoint {
  const end = address.lastIndexOf(':')
  return { host: address.slice(0, end), port: Number(address.slice(end + 1)) }
}
