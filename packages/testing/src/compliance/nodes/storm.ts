import { action, GoalStatus, rpc } from '@commlib/core'
import type { Frame } from '@commlib/core/internal'
import { expect, it } from 'vitest'
import { bytes, type ComplianceOptions, numbers, text, unique } from '../bench.ts'
import { createNodeBench } from './bench.ts'

interface Value {
  readonly n: number
}

/** Where an answer goes, as the wire says. */
interface Asked {
  readonly frame: Frame
  readonly n: number
}

export function testStorm(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const { supports } = bench

  // What stands in line at a slow broker may be there for longer than its call waits.
  const count = options.slow ? 1000 : 10_000
  it(`of ${count.toLocaleString('en-US')} calls, answered in any order, some twice and some never, mixes up none`, async () => {
    const caller = await bench.node()
    const raw = await bench.connect()
    const name = unique()
    const dropped = (n: number) => n % 100 === 7
    const doubled = (n: number) => n % 100 === 13
    const asked: Asked[] = []
    let all = () => {}
    const arrived = new Promise<void>(resolve => {
      all = resolve
    })
    await raw.pull(name, frame => {
      if (asked.push({ frame, n: requested(frame) }) === count) all()
    })
    const call = caller.client(rpc<Value, Value>(name))
    const calls = numbers(count).map(n =>
      call({ n: Number(n) }, { timeout: dropped(Number(n)) ? 3000 : 20_000 }).then(
        answer => answer.n,
        error => error.code,
      ),
    )
    await arrived
    const answers = shuffle(
      asked.filter(({ n }) => !dropped(n)).flatMap(each => (doubled(each.n) ? [each, each] : [each])),
    )
    for (const { frame, n } of answers) await raw.push(...answer(frame, { n: -n }))
    const got = await Promise.all(calls)
    const wrong = got.filter((result, n) => result !== (dropped(n) ? 'TIMEOUT' : -n))
    expect(wrong).toEqual([])
    expect(caller.errors).toEqual([])
  })

  /** What a request asks: with properties it is the body, without them an envelope holds it. */
  function requested(frame: Frame): number {
    const message = JSON.parse(text(frame))
    return supports.properties ? message.n : message.data.n
  }

  /** What a service would answer. */
  function answer(frame: Frame, value: Value): readonly [string, Frame] {
    if (supports.properties) {
      const { replyTo = '', correlationId } = frame
      return [replyTo, { body: bytes(JSON.stringify(value)), correlationId }]
    }
    const { header } = JSON.parse(text(frame))
    return [header.reply_to, { body: bytes(JSON.stringify({ header, data: value })) }]
  }

  it('of 200 clients with 50 goals each, on one action, misses no result', async () => {
    const [clients, goals, connections] = [200, 50, 4]
    const service = await bench.node()
    const Work = action<Value, Value, Value>(unique())
    let ran = 0
    const handler = async ({ n }: Value) => {
      ran++
      await null
      return { n: n * 2 }
    }
    await service.serve(Work, handler, { policy: 'parallel', limit: clients })
    const nodes = await Promise.all(numbers(connections).map(() => bench.node()))
    const results = await Promise.all(
      numbers(clients).map(async number => {
        const client = Number(number)
        const node = nodes[client % connections] as (typeof nodes)[number]
        const work = node.client(Work)
        const outcomes: unknown[] = []
        for (let i = 0; i < goals; i++) {
          const goal = await work({ n: client * goals + i }, { timeout: 20_000 })
          const { status, result } = await goal.outcome
          outcomes.push(status === GoalStatus.SUCCEEDED && result?.n)
        }
        return outcomes
      }),
    )
    expect(results.flat()).toEqual(numbers(clients * goals).map(n => Number(n) * 2))
    expect(ran).toBe(clients * goals)
  })

  it('of actions, 100 in flight, misses no feedback', async () => {
    const [client, service] = await bench.nodes()
    const Work = action<Value, Value, Value>(unique())
    const handler = async function* ({ n }: Value) {
      for (let i = 0; i < 10; i++) yield { n: i }
      return { n }
    }
    await service.serve(Work, handler, { policy: 'parallel', limit: 1000 })
    const work = client.client(Work)
    const all = numbers(10).map(Number)
    const lanes = numbers(100).map(async () => {
      for (let i = 0; i < 10; i++) {
        const goal = await work({ n: i })
        const got: number[] = []
        for await (const { n } of goal) got.push(n)
        expect(got).toEqual(all)
        expect(await goal.result).toEqual({ n: i })
      }
    })
    await Promise.all(lanes)
  })
}

/** In an order that has nothing to do with theirs. */
function shuffle<T>(items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const [a, b] = [shuffled[i] as T, shuffled[j] as T]
    shuffled[i] = b
    shuffled[j] = a
  }
  return shuffled
}
