import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type Broker, startBroker } from './brokers.ts'
import type { Role, Task } from './hop-process.ts'
import { median } from './statistics.ts'
import { table } from './table.ts'
import { forkModule } from './worker-process.ts'

/** A process, and what it has taken. */
interface Part {
  readonly name: string
  ask(what: Task['what'], count?: number): Promise<number>
}

/** One way of a message: through one broker, or over a bridge through two. */
interface Way {
  readonly parts: readonly Part[]
  readonly brokers: readonly Broker[]
}

interface Turn {
  /** Messages a second. */
  readonly rate: number

  /** Microseconds of processor time a message, of each process. */
  readonly costs: Readonly<Record<string, number>>
}

export interface HopOptions {
  readonly rounds: number
  readonly reliable: boolean
  readonly built: boolean
}

type Kind = 'mqtt' | 'redis' | 'amqp'

/**
 * A bridge between two brokers beside each of them by itself, in turns, all processes warm: with a publisher and a subscriber
 * at work on either side, and, reliable, with what already lies at the source's broker, so that nobody else takes part.
 */
export async function measureHop(from: Kind, to: Kind, options: HopOptions): Promise<string> {
  const { rounds, reliable } = options
  const brokers = await Promise.all([startBroker(from, 'tuned'), startBroker(to, 'tuned')])
  const [source, sink] = brokers
  const children: ChildProcess[] = []
  const part = async (name: string, role: Role): Promise<Part> => {
    const child = forkModule('./hop-process.ts', { built: options.built, args: [JSON.stringify(role)] })
    children.push(child)
    const ask: Part['ask'] = async (what, count = 0) => {
      child.send({ what, count } satisfies Task)
      const [cost] = await once(child, 'message')
      return cost as number
    }
    return { name, ask }
  }
  try {
    const { url: here } = source as Broker
    const { url: there } = sink as Broker
    const [publisher, ownReader, ownWriter, subscriber, between] = await Promise.all([
      part('publisher', { role: 'publisher', url: here, reliable }),
      part('subscriber', { role: 'subscriber', url: here, reliable }),
      part('publisher ', { role: 'publisher', url: there, reliable }),
      part('subscriber ', { role: 'subscriber', url: there, reliable }),
      part('bridge', { role: 'bridge', from: here, to: there, reliable }),
    ])
    const count = reliable ? 20_000 : 50_000
    const ways = {
      [`the source (${from}) by itself`]: way([publisher, ownReader], [source]),
      [`the sink (${to}) by itself`]: way([ownWriter, subscriber], [sink]),
      'over the bridge': way([publisher, between, subscriber], [source, sink]),
    }
    const turns = new Map<string, Turn[]>()
    const keep = (name: string, turn: Turn) => turns.set(name, [...(turns.get(name) ?? []), turn])
    for (let round = -1; round < rounds; round++) {
      for (const [name, { parts, brokers }] of Object.entries(ways)) {
        const takers = parts.slice(1)
        for (const each of takers) await each.ask('open')
        const turn = await taken(parts, brokers, count)
        if (round >= 0) keep(name, turn)
        for (const each of takers) await each.ask('close')
      }
      if (!reliable) continue
      // The subscriber is away: what lies at one broker comes to lie at the other.
      await publisher.ask('carry', count)
      const turn = await taken([between], [source, sink], count, () => between.ask('open'))
      if (round >= 0) keep('a backlog over the bridge', turn)
      await between.ask('close')
      await subscriber.ask('open')
      await subscriber.ask('carry', count)
      await subscriber.ask('close')
    }
    return report(`${from} to ${to}, ${reliable ? 'reliable' : 'best-effort'}`, turns)
  } finally {
    for (const child of children) child.kill()
    for (const broker of brokers) await broker.stop()
  }
}

function way(parts: readonly Part[], brokers: readonly (Broker | undefined)[]): Way {
  return { parts, brokers: brokers.filter(broker => broker !== undefined) }
}

async function taken(
  parts: readonly Part[],
  brokers: readonly Broker[],
  count: number,
  begin?: () => Promise<unknown>,
): Promise<Turn> {
  const before = brokers.map(broker => broker.cpu())
  const start = performance.now()
  await begin?.()
  const costs = await Promise.all(parts.map(each => each.ask('carry', count)))
  const elapsed = performance.now() - start
  return {
    rate: (count / elapsed) * 1000,
    costs: Object.fromEntries([
      ...parts.map(({ name }, i) => [name.trim(), ((costs[i] ?? 0) / count) * 1000]),
      ...brokers.map((broker, i) => [`broker ${i + 1}`, ((broker.cpu() - (before[i] ?? 0)) / count) * 1000]),
    ]),
  }
}

function report(title: string, turns: ReadonlyMap<string, readonly Turn[]>): string {
  const rateOf = (all: readonly Turn[]) => median(all.map(({ rate }) => rate))
  const costOf = (all: readonly Turn[], name: string) => median(all.map(({ costs }) => costs[name] ?? Number.NaN))
  const names = ['publisher', 'broker 1', 'bridge', 'broker 2', 'subscriber']
  const own = [...turns].filter(([name]) => name.endsWith('itself')).map(([, all]) => all)
  // Round by round, since the machine is not the same from one to the next.
  const ratio = (all: readonly Turn[]) =>
    median(all.map(({ rate }, i) => rate / Math.min(...own.map(each => each[i]?.rate ?? Number.NaN))))
  // What it would be if each had a processor of its own: the one that takes longest decides.
  const most = (all: readonly Turn[]) =>
    Math.max(...names.map(name => costOf(all, name)).filter(cost => !Number.isNaN(cost)))
  const slowest = Math.max(...own.map(most))
  const lines = Array.from(turns, ([name, all]) => [
    name,
    Math.round(rateOf(all)).toLocaleString('en'),
    ratio(all).toFixed(2),
    ...names.map(each => {
      const cost = costOf(all, each)
      return Number.isNaN(cost) ? '' : cost.toFixed(1)
    }),
    (slowest / most(all)).toFixed(2),
  ])
  const head = [title, '/s', '× the slower by itself', ...names.map(name => `${name} (µs)`), '× with processors enough']
  return table(head, lines)
}
