import { createNode, type Node, type NodeOptions, type Transport } from '@commlib/core'
import type { Peer } from './peer.ts'
import { type Version, wireOf } from './versions.ts'

/** What a case works with. */
export interface Bench {
  readonly version: Version

  /** What our nodes of this run publish in. */
  readonly wire: '0.6' | '0.13'

  /** The peer, just started. */
  readonly peer: Peer

  /** A name that only this run uses. */
  readonly name: string

  /** A node of ours, without a heartbeat unless it is asked for. */
  node(options?: NodeOptions): Promise<Node>

  /** What our nodes have told `onError`. */
  readonly errors: unknown[]
}

/** One way in which the two sides meet. */
export interface Case {
  /** Which side begins: who publishes, who calls. */
  readonly from: 'ours' | 'python'

  /** Completes "commlib-py …" or "our node …", whoever begins. */
  readonly title: string

  /** The wires of our node that it is run on: each, the one that the peer hears, or the other one. */
  readonly wire: 'each' | 'own' | 'other'
  run(bench: Bench): Promise<void>

  /** Shows what happens with the versions that cannot do it. */
  limit?(bench: Bench): Promise<void>

  /** Our nodes are to report errors in it. */
  readonly tells?: true
}

let count = 0

/** A bench for one run, and what ends it. */
export function openBench(
  version: Version,
  wire: '0.6' | '0.13',
  peer: Peer,
  transport: () => Transport,
): { readonly bench: Bench; close(): Promise<void> } {
  const nodes: Node[] = []
  const errors: unknown[] = []
  const bench: Bench = {
    version,
    wire,
    peer,
    name: `run${process.pid}x${++count}`,
    errors,
    node: async options => {
      const onError = (error: unknown) => void errors.push(error)
      const node = await createNode({ wire, transport: transport(), heartbeat: false, onError, ...options })
      nodes.push(node)
      return node
    },
  }
  const close = async () => {
    peer.kill()
    for (const node of nodes) await node.close()
  }
  return { bench, close }
}

/** The wires to run a case on. */
export function wiresOf({ wire }: Case, version: Version): ReadonlyArray<'0.6' | '0.13'> {
  const own = wireOf(version)
  if (wire === 'own') return [own]
  const other = own === '0.6' ? '0.13' : '0.6'
  return wire === 'other' ? [other] : [own, other]
}
