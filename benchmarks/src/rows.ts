import type { Turn } from './turns.ts'

export type BrokerTransport = 'mqtt' | 'redis' | 'amqp' | 'nats'

/** What a row asks of a peer; what that is worth differs from peer to peer. */
export type Deed = 'rpc' | 'actions' | 'events' | 'confirmed' | 'acked'

/** One line of the table: what is done, and what it is measured by. */
export interface Row {
  readonly id: string
  readonly title: string
  readonly transport: BrokerTransport | 'memory'

  /** What `--only` names. */
  readonly pattern: string
  readonly deed: Deed
  readonly unit: 'µs' | '/s' | '×'

  /** How many calls or unconfirmed messages are under way; `undefined` when something else paces. */
  readonly inFlight?: number | undefined

  /** Calls a second, started when they are due, whatever became of those before. */
  readonly rate?: number | undefined

  /** Most messages of a turn; `undefined` when its time alone ends it. */
  readonly most?: number | undefined

  /** Bytes of a message's JSON. @default 120 */
  readonly size?: number | undefined

  /** Subscribers, each with a connection of its own, in one process. @default 1 */
  readonly subscribers?: number | undefined

  /** Whether the subscribers share the messages; otherwise each gets all. */
  readonly group?: boolean | undefined

  /** Publishers, each with a connection of its own, in one process. @default 1 */
  readonly publishers?: number | undefined

  /** Topics, all of them under one pattern. @default 1, plain */
  readonly topics?: number | undefined

  /** `'receiver'`: counted and timed where messages arrive. `'sender'`: where calls return and confirmations come. */
  readonly measuredAt: 'sender' | 'receiver'

  /** Whether a bridge stands between publisher and subscriber, in the subscriber's process. */
  readonly bridged?: boolean | undefined

  /** Whether who publishes allows messages to share packets; most libraries know no such thing. */
  readonly batch?: boolean | undefined
  readonly targets: readonly Target[]

  /** Belongs to `--quick`. */
  readonly quick?: boolean | undefined
}

/** A bound on the quotient to another peer, or for `memory` on the figure itself. */
export interface Target {
  readonly to: string
  readonly atMost?: number | undefined
  readonly atLeast?: number | undefined
}

/** The figure of one turn is a latency or a rate. */
export function figureOf({ unit }: Row, turn: Turn): number {
  return unit === 'µs' ? turn.latency * 1000 : (turn.count * 1000) / turn.elapsed
}

/** What validation may cost. */
const UNCHECKED: Target = { to: 'commlib-unchecked', atLeast: 0.9 }

/** Over what brokers give alike. */
function rowsOf(transport: BrokerTransport): Row[] {
  const noDelay = transport === 'redis' ? 'raw' : 'raw-nodelay'
  // What one would write first; amqplib is unusable without noDelay.
  const raw = transport === 'amqp' ? 'raw-nodelay' : 'raw'
  const row = (pattern: string, rest: Omit<Row, 'id' | 'transport' | 'pattern' | 'targets'> & Partial<Row>): Row => ({
    id: `${transport}-${pattern}`,
    transport,
    pattern,
    targets: [],
    ...rest,
  })
  const calls = (inFlight: number, rest: Partial<Row> = {}) =>
    row('rpc', {
      id: `${transport}-rpc-${inFlight}`,
      title: `RPC, ${inFlight} calls in flight`,
      deed: 'rpc',
      unit: '/s',
      inFlight,
      measuredAt: 'sender',
      ...rest,
    })
  const sized = (size: number, name: string) =>
    calls(8, { id: `${transport}-payload-${name}`, pattern: 'payload', size, title: `RPC of ${name}, 8 in flight` })
  const open = (rate: number) =>
    row('open', {
      id: `${transport}-open-${rate}`,
      title: `RPC, ${rate.toLocaleString('en-US')} calls a second, whatever became of those before: median latency`,
      deed: 'rpc',
      unit: 'µs',
      rate,
      measuredAt: 'sender',
    })
  return [
    row('rpc', {
      title: 'RPC, one call after the other: median latency',
      deed: 'rpc',
      unit: 'µs',
      inFlight: 1,
      measuredAt: 'sender',
      targets: [{ to: noDelay, atMost: 1.1 }],
      quick: true,
    }),
    calls(64, { targets: [{ to: raw, atLeast: 1.3 }, UNCHECKED], quick: true }),
    calls(512),
    row('events', {
      title: 'Events, one publisher to one subscriber',
      deed: 'events',
      unit: '/s',
      measuredAt: 'receiver',
      targets: transport === 'amqp' ? [UNCHECKED] : [{ to: raw, atLeast: 1.3 }, UNCHECKED],
      quick: true,
    }),
    row('confirmed', {
      title: 'Confirmed publishes, 64 unconfirmed',
      deed: 'confirmed',
      unit: '/s',
      inFlight: 64,
      measuredAt: 'sender',
      targets: transport === 'amqp' ? [{ to: raw, atLeast: 1 }] : [],
      quick: true,
    }),
    row('acked', {
      title: 'Confirmed and acknowledged after the handler, 64 unconfirmed',
      deed: 'acked',
      unit: '/s',
      inFlight: 64,
      measuredAt: 'receiver',
    }),
    row('fan-out', {
      title: 'Fan-out: 1 publisher to 100 subscribers, deliveries',
      deed: 'events',
      unit: '/s',
      subscribers: 100,
      most: 1000,
      measuredAt: 'receiver',
    }),
    row('fan-in', {
      title: 'Fan-in: 100 publishers to a group of 4, one unconfirmed each',
      deed: 'acked',
      unit: '/s',
      publishers: 100,
      subscribers: 4,
      group: true,
      inFlight: 100,
      measuredAt: 'receiver',
    }),
    row('topics', {
      title: 'Events on 1,000 topics under one pattern',
      deed: 'events',
      unit: '/s',
      topics: 1000,
      measuredAt: 'receiver',
    }),
    row('bridge', {
      title: 'Events over a bridge, in and out on one broker',
      deed: 'events',
      unit: '/s',
      bridged: true,
      measuredAt: 'receiver',
    }),
    sized(16, '16 B'),
    sized(1024, '1 KB'),
    sized(65_536, '64 KB'),
    sized(1_048_576, '1 MB'),
    row('actions', {
      title: 'Actions, 200 goals in flight, 10 feedbacks each',
      deed: 'actions',
      unit: '/s',
      inFlight: 200,
      measuredAt: 'sender',
    }),
    open(1000),
    open(5000),
  ].map(entry => ({ ...entry, id: entry.id.replaceAll(' ', '').toLowerCase() }))
}

const BATCHED: Readonly<Record<string, string>> = {
  events: 'Events that may share packets, one publisher to one subscriber',
  confirmed: 'Confirmed publishes that may share packets, 64 unconfirmed',
  acked: 'Acknowledged after the handler, may share packets, 64 unconfirmed',
}

/** The same with packets shared, where that is known: with MQTT it is the broker that is at its limit, of packets. */
function batched(given: readonly Row[]): Row[] {
  return given.flatMap(row => {
    const title = row.transport === 'mqtt' ? BATCHED[row.pattern] : undefined
    if (title === undefined) return []
    const targets = [{ to: 'raw', atLeast: 1.3 }]
    return { ...row, id: `mqtt-batched-${row.pattern}`, pattern: 'batched', title, batch: true, quick: false, targets }
  })
}

/** In units of a `JSON.stringify` and `JSON.parse` of the value. */
const memoryRows: readonly Row[] = [
  {
    id: 'memory-message',
    title: 'A message in memory, in JSON.stringify + JSON.parse of it',
    transport: 'memory',
    pattern: 'events',
    deed: 'events',
    unit: '×',
    measuredAt: 'sender',
    targets: [{ to: 'JSON', atMost: 3 }],
    quick: true,
  },
  {
    id: 'memory-rpc',
    title: 'An RPC in memory, in JSON.stringify + JSON.parse of the value',
    transport: 'memory',
    pattern: 'rpc',
    deed: 'rpc',
    unit: '×',
    measuredAt: 'sender',
    targets: [{ to: 'JSON', atMost: 8 }],
    quick: true,
  },
]

/** NATS stands beside as a reference: another broker, so nothing is compared with it. */
const referenceRows = rowsOf('nats')
  .filter(({ pattern, deed }) => deed === 'rpc' || ['events', 'fan-out', 'topics'].includes(pattern))
  .map(row => ({ ...row, targets: [], quick: false }))

export const rows: readonly Row[] = [
  ...(['mqtt', 'redis', 'amqp'] as const).map(rowsOf).flatMap(given => [...given, ...batched(given)]),
  ...memoryRows,
  ...referenceRows,
]

/** Rows of the named transports and patterns; where none of a kind is named, all of that kind. */
export function select(words: readonly string[]): readonly Row[] {
  const known = new Set(rows.flatMap(({ id, transport, pattern }) => [transport, pattern, id]))
  for (const word of words)
    if (!known.has(word)) throw new Error(`--only takes ${[...known].join(', ')}, not '${word}'`)
  const ids = rows.filter(({ id }) => words.includes(id))
  const fits = (kind: (row: Row) => string) => {
    const wanted = words.filter(word => rows.some(row => kind(row) === word))
    return (row: Row) => wanted.length === 0 || wanted.includes(kind(row))
  }
  const kinds = [fits(row => row.transport), fits(row => row.pattern)]
  const named = words.filter(word => !ids.some(({ id }) => id === word))
  if (named.length === 0 && ids.length > 0) return ids
  return rows.filter(row => ids.includes(row) || kinds.every(kind => kind(row)))
}
