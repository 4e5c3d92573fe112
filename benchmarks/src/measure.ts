import type { Broker } from './broker.ts'
import { peers } from './peers/index.ts'
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
}

/** What one peer reached in one run. */
export interface Result {
  readonly row: Row
  readonly run: number
  readonly peer: string
  readonly name: string
  readonly semantics: string
  readonly figure: number

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
}

interface Pair {
  readonly peer: string
  readonly receiver: WorkerProcess
  readonly sender: WorkerProcess
  readonly about: { readonly name: string; readonly semantics: string }
  readonly turns: Turn[]
}

/**
 * One run of a row: fresh processes for every peer, then short turns, peer after peer, so that what else the machine
 * does falls on all of them alike.
 */
export async function measureRun(row: Row, run: number, broker: Broker, plan: Plan): Promise<Result[]> {
  const names = rotate(Object.keys(peers), run)
  const pairs: Pair[] = []
  try {
    for (const peer of names) pairs.push(await startPair(peer, row, broker.url, plan))
    for (const pair of pairs) await takeTurn(pair, row, broker, plan.warmUp)
    for (let i = 0; i < plan.turns; i++) {
      for (const pair of i % 2 === 0 ? pairs : pairs.toReversed()) {
        pair.turns.push(await takeTurn(pair, row, broker, plan.turn))
      }
    }
  } finally {
    await Promise.all(pairs.flatMap(({ receiver, sender }) => [receiver.stop(), sender.stop()]))
  }
  return pairs.map(({ peer, about, turns }) => ({
    row,
    run,
    peer,
    ...about,
    figure: median(turns.map(turn => figureOf(row, turn))),
    rate: (sum(turns.map(({ count }) => count)) * 1000) / sum(turns.map(({ elapsed }) => elapsed)),
    cpu: (sum(turns.map(({ cpu }) => cpu)) * 1000) / sum(turns.map(({ count }) => count)),
    brokerCpu: (sum(turns.map(({ brokerCpu }) => brokerCpu)) * 1000) / sum(turns.map(({ count }) => count)),
    sent: sum(turns.map(({ sent }) => sent)),
    lost: sum(turns.map(({ lost }) => lost)),
    duplicates: sum(turns.map(({ duplicates }) => duplicates)),
    failed: sum(turns.map(({ failed }) => failed)),
  }))
}

async function startPair(peer: string, row: Row, url: string, plan: Plan): Promise<Pair> {
  const receiver = startWorker(plan, `${row.id}-${peer}-receiver`)
  const sender = startWorker(plan, `${row.id}-${peer}-sender`)
  try {
    const about = await receiver.ask<Pair['about']>({ type: 'receive', peer, url, row })
    await sender.ask({ type: 'send', peer, url, row })
    return { peer, receiver, sender, about, turns: [] }
  } catch (error) {
    await Promise.all([receiver.stop(), sender.stop()])
    throw error
  }
}

async function takeTurn({ receiver, sender }: Pair, row: Row, broker: Broker, milliseconds: number): Promise<Turn> {
  await receiver.ask({ type: 'reset' })
  const before = broker.cpu()
  const turn = await sender.ask<Turn>({ type: 'turn', milliseconds })
  const received = await receiver.ask<Received>({ type: 'settle', sent: turn.sent })
  const { count, duplicates, last } = received
  const cpu = turn.cpu + received.cpu
  const brokerCpu = broker.cpu() - before
  if (row.pattern === 'rpc') return { ...turn, duplicates, cpu, brokerCpu }
  const lost = turn.sent - count
  if (row.measuredAt === 'sender') return { ...turn, duplicates, lost, cpu, brokerCpu }
  return { ...turn, count, duplicates, lost, cpu, brokerCpu, elapsed: last - turn.started }
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
