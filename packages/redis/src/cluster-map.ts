import { CommlibError } from '@commlib/core/internal'
import type { Send } from './connection.ts'
import { connectionFailed, isReply } from './errors.ts'
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

/**
 * Asks a node who has which slots. Rejects with `CONNECTION_FAILED` where it is in no cluster, or in one that is down: such a
 * node answers, and takes nothing.
 *
 * @param asked the host it is at: a node that has no name for itself means that
 * @param target the node, for error messages
 */
export async function readMap(send: Send, asked: string, target: string): Promise<ClusterMap> {
  const question = (...args: string[]) =>
    send('cluster', args).catch(error => {
      throw isReply(error) ? connectionFailed(target, error) : error
    })
  const [info, ranges] = await Promise.all([question('info'), question('slots')])
  const slots = new Array<string | undefined>(SLOTS).fill(undefined)
  const primaries = new Set<string>()
  for (const [first, last, [host, port]] of ranges as Range[]) {
    const name = host === null || host.length === 0 || String(host) === '?' ? asked : String(host)
    const address = `${name}:${port}`
    primaries.add(address)
    slots.fill(address, first, last + 1)
  }
  if (primaries.size === 0) throw new CommlibError('CONNECTION_FAILED', `${target} is in no cluster that has slots`)
  if (String(info).includes('cluster_state:fail')) {
    throw new CommlibError('CONNECTION_FAILED', `the cluster of ${target} is down: not all of its slots have a primary`)
  }
  return { slots, primaries: [...primaries] }
}

/** The two parts of an address. */
export function endpointOf(address: string): Endpoint {
  const end = address.lastIndexOf(':')
  return { host: address.slice(0, end), port: Number(address.slice(end + 1)) }
}
