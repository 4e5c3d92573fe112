import type { createNode as CreateNode, Node } from '@commlib/core'
import type { Transport } from '@commlib/core/internal'
import type { contractsBy } from './contracts.ts'

/** What the page has seen. */
export interface Seen {
  readonly sensors: string[]
  readonly statuses: string[]
  readonly errors: string[]
}

/** What the test calls in the page. */
export interface Program {
  start(url: string): Promise<void>
  seen(): Seen
  order(text: string): Promise<void>
  add(a: number, b: number): Promise<number>
  move(metres: number): Promise<{ feedback: number[]; walked: number }>
  cancel(): Promise<{ status: number; walked: number | undefined }>
  close(): Promise<void>
}

type Contracts = ReturnType<typeof contractsBy>

/** The page's program, with either form of core and either transport. */
export function program(
  createNode: typeof CreateNode,
  contracts: Contracts,
  transport: (url: string) => Transport,
): Program {
  const { Sensor, Order, Add, Title, Move } = contracts
  const seen: Seen = { sensors: [], statuses: [], errors: [] }
  let node: Node
  return {
    start: async url => {
      node = await createNode({
        name: 'page',
        transport: transport(url),
        heartbeat: false,
        onStatus: ({ type }) => void seen.statuses.push(type),
        onError: error => void seen.errors.push(String(error)),
      })
      await node.subscribe(Sensor, ({ value }, { params }) => void seen.sensors.push(`${params.sensor} ${value}`))
      await node.serve(Title, () => ({ title: 'a page' }))
    },
    seen: () => seen,
    order: text => node.publisher(Order).publish({ text }, { reliable: true }),
    add: async (a, b) => (await node.client(Add)({ a, b }, { timeout: 2000 })).sum,
    move: async metres => {
      const goal = await node.client(Move)({ metres })
      const feedback: number[] = []
      for await (const { walked } of goal) feedback.push(walked)
      return { feedback, walked: (await goal.result).walked }
    },
    cancel: async () => {
      const goal = await node.client(Move)({ metres: 1_000_000 })
      for await (const { walked } of goal) if (walked === 2) await goal.cancel()
      const { status, result } = await goal.outcome
      return { status, walked: result?.walked }
    },
    close: () => node.close(),
  }
}
