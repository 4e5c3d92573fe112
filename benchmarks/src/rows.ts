import type { Turn } from './turns.ts'

/** One line of the table: what is done, and what it is measured by. */
export interface Row {
  readonly id: string
  readonly title: string
  readonly transport: 'mqtt' | 'memory'
  readonly pattern: 'rpc' | 'events' | 'confirmed' | 'message'
  readonly unit: 'µs' | '/s' | '×'

  /** How many calls or unconfirmed messages are under way; `undefined` when backpressure alone paces. */
  readonly inFlight?: number | undefined

  /** `'receiver'`: counted and timed where messages arrive. `'sender'`: where calls return and confirmations come. */
  readonly measuredAt: 'sender' | 'receiver'

  /** The bound is on the quotient to raw mqtt.js, or for `memory` on the figure itself. */
  readonly target?: { readonly to: string; readonly atMost?: number; readonly atLeast?: number; readonly aim?: number }
}

/** The figure of one turn is a latency, where calls go one after the other, or a rate. */
export function figureOf({ unit }: Row, turn: Turn): number {
  return unit === 'µs' ? turn.latency * 1000 : (turn.count * 1000) / turn.elapsed
}

export const rows: readonly Row[] = [
  {
    id: 'mqtt-rpc',
    title: 'RPC, one call after the other: median latency',
    transport: 'mqtt',
    pattern: 'rpc',
    unit: 'µs',
    inFlight: 1,
    measuredAt: 'sender',
    target: { to: 'mqttjs-nodelay', atMost: 1.15 },
  },
  {
    id: 'mqtt-rpc-64',
    title: 'RPC, 64 calls in flight',
    transport: 'mqtt',
    pattern: 'rpc',
    unit: '/s',
    inFlight: 64,
    measuredAt: 'sender',
    target: { to: 'mqttjs', atLeast: 1, aim: 1.3 },
  },
  {
    id: 'mqtt-events',
    title: 'Events at QoS 0, one publisher to one subscriber',
    transport: 'mqtt',
    pattern: 'events',
    unit: '/s',
    measuredAt: 'receiver',
    target: { to: 'mqttjs', atLeast: 1, aim: 1.3 },
  },
  {
    id: 'mqtt-confirmed',
    title: 'Confirmed publishes at QoS 1, 64 unconfirmed',
    transport: 'mqtt',
    pattern: 'confirmed',
    unit: '/s',
    inFlight: 64,
    measuredAt: 'sender',
  },
  {
    id: 'memory-message',
    title: 'A message in memory, in JSON.stringify + JSON.parse of it',
    transport: 'memory',
    pattern: 'message',
    unit: '×',
    measuredAt: 'sender',
    target: { to: 'JSON', atMost: 3 },
  },
  {
    id: 'memory-rpc',
    title: 'An RPC in memory, in JSON.stringify + JSON.parse of the value',
    transport: 'memory',
    pattern: 'rpc',
    unit: '×',
    measuredAt: 'sender',
    target: { to: 'JSON', atMost: 8 },
  },
]

/** Rows of the named transports and patterns; where none of a kind is named, all of that kind. */
export function select(words: readonly string[]): readonly Row[] {
  const known = new Set(rows.flatMap(({ id, transport, pattern }) => [id, transport, pattern]))
  for (const word of words)
    if (!known.has(word)) throw new Error(`--only takes ${[...known].join(', ')}, not '${word}'`)
  const fits = (kind: (row: Row) => string) => {
    const wanted = words.filter(word => rows.some(row => kind(row) === word))
    return (row: Row) => wanted.length === 0 || wanted.includes(kind(row))
  }
  const kinds = [fits(row => row.id), fits(row => row.transport), fits(row => row.pattern)]
  return rows.filter(row => kinds.every(kind => kind(row)))
}
