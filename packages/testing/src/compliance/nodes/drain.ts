import { action, GoalStatus, rpc, topic } from '@commlib/core'
import { expect, it } from 'vitest'
import { type ComplianceOptions, eventually, gate, numbers, outcome, quiet, unique } from '../bench.ts'
import { createNodeBench } from './bench.ts'

interface Value {
  readonly n: number
}

export function testDrain(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const { supports } = bench

  it('finishes 100 calls and 3 goals within its grace, and takes nothing new', async () => {
    const [a, b] = await bench.nodes()
    const Hold = rpc<Value, Value>(unique())
    const Work = action<Value, Value, Value>(unique())
    const held = gate()
    bench.after(held.open)
    let running = 0
    await b.serve(Hold, async ({ n }) => {
      running++
      await held.opened
      return { n }
    })
    const work = async ({ n }: Value) => {
      running++
      await held.opened
      return { n }
    }
    await b.serve(Work, work, { policy: 'parallel' })
    const hold = a.client(Hold)
    const work3 = a.client(Work)
    const calls = numbers(100).map(n => hold({ n: Number(n) }, { timeout: 20_000 }))
    const goals = await Promise.all([1, 2, 3].map(n => work3({ n })))
    await eventually(() => expect(running).toBe(103))
    const closing = b.close({ grace: 10_000 })
    await eventually(() => expect(b.state).toBe('closing'))
    await quiet()
    const refusal = { code: expect.stringMatching(/^(TIMEOUT|NO_SERVICE)$/) }
    await expect(hold({ n: 1 }, { timeout: 300 })).rejects.toMatchObject(refusal)
    await expect(work3({ n: 4 }, { timeout: 300 })).rejects.toMatchObject(refusal)
    expect(await outcome(closing)).toBe('pending')
    held.open()
    expect(await Promise.all(calls)).toEqual(numbers(100).map(n => ({ n: Number(n) })))
    expect((await Promise.all(goals.map(goal => goal.outcome))).map(({ status }) => status)).toEqual(
      Array(3).fill(GoalStatus.SUCCEEDED),
    )
    expect(await outcome(closing, 2000)).toBe('resolved')
    expect(running).toBe(103)
  })

  if (supports.durable) {
    it('acknowledges what a durable subscriber finishes within its grace', async () => {
      const a = await bench.node()
      const Order = topic<Value>(unique())
      const durable = unique()
      const orders = a.publisher(Order)
      const seen: number[] = []
      const held = gate()
      bench.after(held.open)
      const leaving = await bench.node()
      const hold = async ({ n }: Value) => {
        seen.push(n)
        await held.opened
      }
      await leaving.subscribe(Order, hold, { durable })
      await orders.publish({ n: 1 }, { reliable: true })
      await eventually(() => expect(seen).toEqual([1]))
      const closing = leaving.close({ grace: 10_000 })
      await eventually(() => expect(leaving.state).toBe('closing'))
      await quiet()
      await orders.publish({ n: 2 }, { reliable: true })
      held.open()
      expect(await outcome(closing, 2000)).toBe('resolved')
      await orders.publish({ n: 3 }, { reliable: true })
      const coming = await bench.node()
      await coming.subscribe(Order, ({ n }) => void seen.push(n), { durable })
      await eventually(() => expect(seen).toContain(3))
      await quiet()
      expect(seen).toEqual([1, 2, 3])
    })
  }

  if (!supports.competing) return

  it('of three services, one after another under load, fails no call', async () => {
    const a = await bench.node()
    const Echo = rpc<Value, Value>(unique())
    const start = async () => {
      const node = await bench.node()
      await node.serve(Echo, async ({ n }) => {
        await quiet(2)
        return { n }
      })
      return node
    }
    const services = [await start(), await start(), await start()]
    const echo = a.client(Echo)
    let stop = false
    let made = 0
    const failed: unknown[] = []
    const callers = numbers(50).map(async () => {
      while (!stop) {
        const n = made++
        const answer = await echo({ n }, { timeout: 1000 }).catch(error => error)
        if (answer?.n !== n) failed.push(answer)
      }
    })
    for (let round = 0; round < 2; round++) {
      for (const [i, service] of services.entries()) {
        const before = made
        const fresh = await start()
        await service.close({ grace: 5000 })
        services[i] = fresh
        // Each has work to do before it is its turn.
        await eventually(() => expect(made).toBeGreaterThan(before + 100))
      }
    }
    stop = true
    await Promise.all(callers)
    expect(failed).toEqual([])
  })
}
