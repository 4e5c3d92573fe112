import {
  createNode,
  type Logger,
  type Node,
  type NodeOptions,
  type Transport,
  type TransportStatus,
} from '@commlib/core'
import { type Bench, type ComplianceOptions, type CreateOptions, createBench, eventually } from '../bench.ts'

/** A node, and what it has told. */
export interface TestNode extends Node {
  readonly errors: readonly unknown[]
  readonly statuses: readonly TransportStatus[]
}

/** Makes nodes, and closes them after each test. */
export interface NodeBench extends Bench {
  node(options?: CreateOptions & NodeOptions): Promise<TestNode>
  nodes(): Promise<readonly [TestNode, TestNode]>

  /** One that outlives the test: whoever asks for it closes it. */
  own(options?: CreateOptions & NodeOptions): Promise<TestNode>
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Call it inside a `describe`. */
export function createNodeBench(options: ComplianceOptions): NodeBench {
  const bench = createBench(options)
  const open = async (transport: Transport, more: NodeOptions): Promise<TestNode> => {
    const errors: unknown[] = []
    const statuses: TransportStatus[] = []
    const opened = await createNode({
      transport,
      heartbeat: false,
      log: silent,
      onError: error => errors.push(error),
      onStatus: status => statuses.push(status),
      ...more,
    })
    return Object.assign(opened, { errors, statuses })
  }
  const node: NodeBench['node'] = async ({ url, keepalive, ...more } = {}) => {
    const opened = await open(bench.create({ url, keepalive }), more)
    bench.after(() => opened.close())
    return opened
  }
  const own: NodeBench['own'] = ({ url, keepalive, ...more } = {}) => open(options.create({ url, keepalive }), more)
  return { ...bench, own, node, nodes: () => Promise.all([node(), node()]) }
}

/** Resolves when the handler's signal aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(signal.reason)
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

/** Tries until it succeeds: for what is to work again within this time. */
export async function soon<T>(attempt: () => Promise<T>, within: number): Promise<T> {
  const end = performance.now() + within
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

/** Waits until the node has lost its connection and has one again. */
export function reconnected({ statuses }: TestNode, before: number, within: number): Promise<void> {
  return eventually(() => {
    const types = statuses.slice(before).map(({ type }) => type)
    if (!types.includes('disconnected') || types.lastIndexOf('connected') < types.lastIndexOf('disconnected')) {
      throw new Error(`not connected again: ${types.join(', ') || 'nothing was told'}`)
    }
  }, within)
}
