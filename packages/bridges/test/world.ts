import { amqp } from '@commlib/amqp'
import { createNode, memory, type Node, type NodeOptions, type Transport } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { startMosquitto, startRabbit } from '@commlib/testing'
import { afterEach, vi } from 'vitest'

/** A broker of the matrix: what starts it, and what connects to it. */
export interface Kind {
  readonly name: 'memory' | 'mqtt' | 'redis' | 'amqp'
  start(): Promise<Started>
}

export interface Started {
  readonly url: string
  connect(): Transport
  close(): Promise<void>
}

let hubs = 0

export const kinds: readonly Kind[] = [
  {
    name: 'memory',
    start: async () => {
      const hub = `bridges-${process.pid}-${++hubs}`
      return { url: `memory://${hub}`, connect: () => memory(hub), close: async () => {} }
    },
  },
  {
    name: 'mqtt',
    start: async () => {
      const broker = await startMosquitto({ config: ['set_tcp_nodelay true', 'max_queued_messages 0'] })
      return { url: broker.url, connect: () => mqtt(broker.url), close: () => broker.close() }
    },
  },
  {
    name: 'amqp',
    start: async () => {
      const broker = await startRabbit()
      return { url: broker.url, connect: () => amqp(broker.url), close: () => broker.close() }
    },
  },
]

/** Every ordered pair, a kind with itself included. */
export const pairs = kinds.flatMap(from => kinds.map(to => ({ from, to, title: `${from.name} to ${to.name}` })))

let cleanups: Array<() => unknown> = []
afterEach(async () => {
  const all = cleanups.reverse()
  cleanups = []
  for (const cleanup of all) await cleanup()
})

/** Runs when the test is over. */
export function after(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export type TestNode = Node & { readonly errors: unknown[] }

/** A quiet node, closed after the test. */
export async function nodeOn(broker: Started, options: NodeOptions = {}): Promise<TestNode> {
  const errors: unknown[] = []
  const node = await createNode({
    transport: broker.connect(),
    heartbeat: false,
    onError: error => errors.push(error),
    ...options,
  })
  after(() => node.close())
  return Object.assign(node, { errors })
}

export function eventually(expectation: () => unknown, timeout = 5000): Promise<unknown> {
  return vi.waitFor(expectation, { timeout, interval: 5 })
}

/** Gives what must not happen the time to happen. */
export function quiet(ms = 200): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

let words = 0

/** A name that no other test uses. */
export function fresh(word: string): string {
  return `${word}${process.pid}x${++words}`
}
