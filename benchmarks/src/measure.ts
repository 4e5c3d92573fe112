import type { Broker } from './brokers.ts'
import { peers } from './peers/index.ts'
import type { Semantics } from './peers/peer.ts'
import { figureOf, type Row } from './rows.ts'
import { median, sum } from './statistics.ts'
import type { Received } from './tally.ts'
import type { Turn } from './turns.ts'
import { type ProcessOptions, startWorker, type WorkerProcess } from './worker-process.ts'

export interface Plan extends ProcessOptions {
  readonly runs: number

  /** Milliseconds of sending, before anything is counted. */
  readonly warmUp: number

  /** Milliseconds of one turn. */
  readonly turn: number

  /** Turns of every peer in one run. */
  readonly turns: number

  /** Names of the peers that take part; those that cannot play a row are left out of it. */
  readonly peers: readonly string[]
}

/** What one peer reached in one run. */
export interface Result {
  readonly row: Row
  readonly run: number
  readonly peer: string
  readonly name: string
  readonly class: Semantics['class'] | ''
  readonly semantics: string
  readonly figure: number

  /** Microseconds that 99 and 99.9 of 100 calls took at most; NaN where calls overlap. */
  readonly p99: number
  readonly p999: number

  /** Calls or messages a second. */
  readonly rate: number

  /** Microseconds of processor time, of both processes, that a call or a message took. */
  readonly cpu: number

  /** The broker's share, on top of that. */
  readonly brokerCpu: number
  readonly sent: number
  readonly lost: number
  readonly duplicates: number
  readonly failed: number

  /** Why there is no figure. */
  readonly fault: string
}

interface Pair {
  readonly peer: string
  readonly receiver: WorkerProcess
  readonly sender: WorkerProcess
  about: Pick<Result, 'name' | 'class' | 'semantics'>
  readonly turns: Turn[]
  fault: string
}

/**
 * One run of a row: fresh processes for every peer, then short turns, peer after peer, so that what else the machine
 * does falls on all of them alike. A peer that fails or wedges is out for the rest of the run, and the others go on.
 */
export async function measureRun(row: Row, run: number, broker: Broker, plan: Plan): Promise<Result[]> {
  const names = rotate(
    plan.peers.filter(name => peers[name]?.plays(row)),
    run,
  )
  const pairs = names.map(peer => createPair(peer, row, plan))
  const attempt = async (pair: Pair, what: () => Promise<void>) => {
    if (pair.fault !== '') return
    try {
      await what()
    } catch (error) {
      pair.fault =
        String(error)
          .split('\n')[0]
          ?.replace(/^Error: /, '') ?? ''
    }
  }
  try {
    for (const pair of pairs) await attempt(pair, () => connect(pair, row, broker.url))
    for (const pair of pairs) await attempt(pair, async () => void (await takeTurn(pair, row, broker, plan.warmUp)))
    for (let i = 0; i < plan.turns; i++) {
      for (const pair of i % 2 === 0 ? pairs : pairs.toReversed()) {
        await attempt(pair, async () => void pair.turns.push(await takeTurn(pair, row, broker, plan.turn)))
      }
    }
  } finally {
    await Promise.all(pairs.flatMap(({ receiver, sender }) => [receiver.stop(), sender.stop()]))
  }
  return pairs.map(pair => resultOf(pair, row, run))
}

function resultOf({ peer, about, turns, fault: told }: Pair, row: Row, run: number): Result {
  const count = sum(turns.map(({ count }) => count))
  const fault = told === '' && count === 0 ? 'nothing was answered or arrived' : told
  const total = (key: 'sent' | 'lost' | 'duplicates' | 'failed') => sum(turns.map(turn => turn[key]))
  const middle = (of: (turn: Turn) => number) => (fault === '' ? median(turns.map(of)) : Number.NaN)
  return {
    row,
    run,
    peer,
    ...about,
    figure: middle(turn => figureOf(row, turn)),
    p99: middle(({ p99 }) => p99 * 1000),
    p999: middle(({ p999 }) => p999 * 1000),
    rate: (count * 1000) / sum(turns.map(({ elapsed }) => elapsed)),
    cpu: (sum(turns.map(({ cpu }) => cpu)) * 1000) / count,
    brokerCpu: (sum(turns.map(({ brokerCpu }) => brokerCpu)) * 1000) / count,
    sent: total('sent'),
    lost: total('lost'),
    duplicates: total('duplicates'),
    failed: total('failed'),
    fault,
  }
}

function createPair(peer: string, row: Row, plan: Plan): Pair {
  const { folder, python } = peers[peer] ?? {}
  const start = (side: string) => startWorker(plan, `${row.id}-${peer}-${side}`, python ? folder : undefined)
  return {
    peer,
    receiver: start('receiver'),
    sender: start('sender'),
    about: { name: peer, class: '', semantics: '' },
    turns: [],
    fault: '',
  }
}

async function connect(pair: Pair, row: Row, url: string): Promise<void> {
  const { peer, receiver, sender } = pair
  const told = await receiver.ask<{ name: string; semantics?: Semantics }>({ type: 'receive', peer, url, row })
  pair.about = { name: told.name, class: told.semantics?.class ?? '', semantics: told.semantics?.about ?? '' }
  await sender.ask({ type: 'send', peer, url, row })
}

/** Milliseconds beyond a turn's own after which a peer counts as wedged. */
const PATIENCE = 8000

async function takeTurn({ receiver, sender }: Pair, row: Row, broker: Broker, milliseconds: number): Promise<Turn> {
  await receiver.ask({ type: 'reset' })
  const before = broker.cpu()
  const turn = await sender.ask<Turn>({ type: 'turn', milliseconds }, milliseconds + PATIENCE)
  const copies = row.group ? 1 : (row.subscribers ?? 1)
  const sent = turn.sent * copies
  const received = await receiver.ask<Received>({ type: 'settle', sent })
  const { count, duplicates, last } = received
  const cpu = turn.cpu + received.cpu
  const brokerCpu = broker.cpu() - before
  if (row.deed === 'rpc' || row.deed === 'actions') return { ...turn, duplicates, cpu, brokerCpu }
  const lost = sent - count
  if (row.measuredAt === 'sender') return { ...turn, duplicates, lost, cpu, brokerCpu }
  return { ...turn, count, sent, duplicates, lost, cpu, brokerCpu, elapsed: last - turn.started }
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
