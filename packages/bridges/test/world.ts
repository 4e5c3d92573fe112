import { amqp } from '@commlib/amqp'
import { createNode, memory, type Node, type NodeOptions, type Transport } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { type Broker, startMosquitto, startRabbit, startRedis } from '@commlib/testing'
import { createCleanup } from '@commlib/testing/support'
import { afterAll, beforeAll } from 'vitest'

export { eventually } from '@commlib/testing/support'

/** A broker of the matrix: what starts it, and what connects to it. */
export interface Kind {
  readonly name: 'memory' | 'mqtt' | 'redis' | 'amqp'
  start(): Promise<Started>
}

export interface Started {
  readonly url: string

  /** Where a proxy can be put in front of it, if anywhere. */
  readonly place?: { readonly host: string; readonly port: number } | undefined

  /** @param url another way to the same broker */
  connect(url?: string): Transport
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
      return startedOf(broker, mqtt)
    },
  },
  {
    name: 'redis',
    start: async () => {
      const broker = await startRedis({ own: true })
      return startedOf(broker, redis)
    },
  },
  {
    name: 'amqp',
    start: async () => {
      const broker = await startRabbit({ own: true })
      return startedOf(broker, amqp)
    },
  },
]

function startedOf(broker: Broker, create: (url: string) => Transport): Started {
  return { url: broker.url, place: broker, connect: (url = broker.url) => create(url), close: () => broker.close() }
}

/** Two of each kind, which the tests of a file share: RabbitMQ takes its time to start. */
export function sharedBrokers(): (kind: Kind, which: 0 | 1) => Started {
  const started = new Map<string, Started>()
  beforeAll(async () => {
    await Promise.all(
      kinds.flatMap(kind => [0, 1].map(async which => started.set(`${kind.name} ${which}`, await kind.start()))),
    )
  }, 120_000)
  afterAll(() => Promise.all(Array.from(started.values(), broker => broker.close())))
  return (kind, which) => started.get(`${kind.name} ${which}`) as Started
}

/** Every ordered pair, a kind with itself included. */
export const pairs = kinds.flatMap(from => kinds.map(to => ({ from, to, title: `${from.name} to ${to.name}` })))

/** Runs when the test is over. */
export const after = createCleanup()

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

/** Gives what must not happen the time to happen. */
export function quiet(ms = 200): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

let words = 0

/** A name that no other test uses. */
export function fresh(word: string): string {
  return `${word}${process.pid}x${++words}`
}
