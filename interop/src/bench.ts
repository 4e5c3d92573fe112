import { createNode, type Node, type NodeOptions, type Transport } from '@commlib/core'
import type { Peer } from './peer.ts'
import { type BrokerName, type Version, type Wire, wiresOn } from './versions.ts'

/** What a case works with. */
export interface Bench {
  readonly version: Version

  /** Where both sides meet. */
  readonly broker: BrokerName

  /** What our nodes of this run publish in. */
  readonly wire: Wire

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

/** What a bench is made of. */
export interface BenchOptions extends Pick<Bench, 'version' | 'broker' | 'wire' | 'peer'> {
  connect(): Transport
}

/** A bench for one run, and what ends it. */
export function openBench({ connect, ...given }: BenchOptions): { readonly bench: Bench; close(): Promise<void> } {
  const nodes: Node[] = []
  const errors: unknown[] = []
  const bench: Bench = {
    ...given,
    name: `run${process.pid}x${++count}`,
    errors,
    node: async options => {
      const onError = (error: unknown) => void errors.push(error)
      const transport = connect()
      const node = await createNode({ wire: given.wire, transport, heartbeat: false, onError, ...options })
      nodes.push(node)
      return node
    },
  }
  const close = async () => {
    given.peer.kill()
    for (const node of nodes) await node.close()
  }
  return { bench, close }
}

/** The wires to run a case on. */
export function wiresOf({ from, wire }: Case, broker: BrokerName, version: Version): readonly Wire[] {
  const [own, other] = wiresOn(broker, version)
  if (wire === 'other') return [other]
  // A service takes calls in either wire, but on AMQP.
  return wire === 'own' || (broker === 'amqp' && from === 'ours') ? [own] : [own, other]
}
