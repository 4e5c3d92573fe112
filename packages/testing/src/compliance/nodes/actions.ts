import { action, GoalStatus, RemoteError } from '@commlib/core'
import { expect, it } from 'vitest'
import { type ComplianceOptions, eventually, gate, quiet, unique } from '../bench.ts'
import { aborted, createNodeBench } from './bench.ts'

interface To {
  readonly to: number
}

interface Progress {
  readonly n: number
}

interface Total {
  readonly total: number
}

export function testActions(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const Count = () => action<To, Progress, Total>(`${unique()}.count`)

  it('give feedback, then their result', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    await b.serve(contract, async function* ({ to }) {
      for (let n = 1; n <= to; n++) yield { n }
      return { total: to }
    })
    const goal = await a.client(contract)({ to: 5 })
    const got: number[] = []
    for await (const { n } of goal) got.push(n)
    expect(got).toEqual([1, 2, 3, 4, 5])
    expect(await goal.result).toEqual({ total: 5 })
    expect(goal.status).toBe(GoalStatus.SUCCEEDED)
    expect([...a.errors, ...b.errors]).toEqual([])
  })

  it('of several clients keep their feedback apart', async () => {
    const [a, b] = await bench.nodes()
    const c = await bench.node()
    const contract = Count()
    const serving = { policy: 'parallel' } as const
    const handler = async function* ({ to }: To) {
      for (let n = 1; n <= 3; n++) {
        yield { n: to * 10 + n }
        await quiet(5)
      }
      return { total: to }
    }
    await b.serve(contract, handler, serving)
    const follow = async (node: typeof a, to: number) => {
      const goal = await node.client(contract)({ to })
      const got: number[] = []
      for await (const { n } of goal) got.push(n)
      return [got, await goal.result]
    }
    expect(await Promise.all([follow(a, 1), follow(c, 2), follow(a, 3)])).toEqual([
      [[11, 12, 13], { total: 1 }],
      [[21, 22, 23], { total: 2 }],
      [[31, 32, 33], { total: 3 }],
    ])
  })

  it('are canceled, and keep the partial result', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    await b.serve(contract, async (_, { signal }) => {
      await aborted(signal)
      return { total: 7 }
    })
    const goal = await a.client(contract)({ to: 0 })
    await eventually(() => expect(goal.status).toBe(GoalStatus.EXECUTING))
    await goal.cancel()
    await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_CANCELED', result: { total: 7 } })
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.CANCELED })
  })

  it('are canceled when the signal of their client aborts', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    const told = gate()
    await b.serve(contract, async (_, { signal }) => {
      await aborted(signal)
      told.open()
      return { total: 0 }
    })
    const controller = new AbortController()
    const goal = await a.client(contract)({ to: 0 }, { signal: controller.signal })
    controller.abort()
    await told.opened
    await expect(goal.result).rejects.toBeDefined()
  })

  it('are aborted by what their handler throws', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    await b.serve(contract, async () => {
      throw new RangeError('too far')
    })
    const goal = await a.client(contract)({ to: 0 })
    const error = await goal.result.catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'GOAL_ABORTED' })
    expect(error.cause).toBeInstanceOf(RemoteError)
    expect(error.cause).toMatchObject({ remote: { name: 'RangeError', message: 'too far' } })
  })

  it('are rejected while another one runs, by default', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    const end = gate()
    await b.serve(contract, async ({ to }) => {
      await end.opened
      return { total: to }
    })
    const count = a.client(contract)
    const first = await count({ to: 1 })
    await expect(count({ to: 2 })).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    end.open()
    expect(await first.result).toEqual({ total: 1 })
    expect(await (await count({ to: 3 })).result).toEqual({ total: 3 })
  })

  it('wait for their turn under the policy queue', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    const begun: number[] = []
    const end = gate()
    const handler = async ({ to }: To) => {
      begun.push(to)
      await end.opened
      return { total: to }
    }
    await b.serve(contract, handler, { policy: 'queue' })
    const count = a.client(contract)
    const goals = [await count({ to: 1 }), await count({ to: 2 }), await count({ to: 3 })]
    await quiet()
    expect(begun).toEqual([1])
    end.open()
    expect(await Promise.all(goals.map(goal => goal.result))).toEqual([{ total: 1 }, { total: 2 }, { total: 3 }])
    expect(begun).toEqual([1, 2, 3])
  })

  it('make way for the next one under the policy preempt', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    const handler = async ({ to }: To, { signal }: { readonly signal: AbortSignal }) => {
      if (to === 1) await aborted(signal)
      return { total: to }
    }
    await b.serve(contract, handler, { policy: 'preempt' })
    const count = a.client(contract)
    const first = await count({ to: 1 })
    const second = await count({ to: 2 })
    expect(await second.result).toEqual({ total: 2 })
    expect(await first.outcome).toMatchObject({ status: GoalStatus.CANCELED })
  })

  it('run side by side under the policy parallel, up to its limit', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    const end = gate()
    const handler = async ({ to }: To) => {
      await end.opened
      return { total: to }
    }
    await b.serve(contract, handler, { policy: 'parallel', limit: 2 })
    const count = a.client(contract)
    const goals = [await count({ to: 1 }), await count({ to: 2 })]
    await eventually(() => expect(goals.map(({ status }) => status)).toEqual([2, 2]))
    await expect(count({ to: 3 })).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    end.open()
    expect(await Promise.all(goals.map(goal => goal.result))).toEqual([{ total: 1 }, { total: 2 }])
  })

  it('are found by their id, while they run and after', async () => {
    const [a, b] = await bench.nodes()
    const c = await bench.node()
    const contract = Count()
    const end = gate()
    await b.serve(contract, async ({ to }, { feedback }) => {
      await end.opened
      await feedback({ n: 1 })
      return { total: to }
    })
    const goal = await a.client(contract)({ to: 4 })
    const found = await c.client(contract).attach(goal.id)
    end.open()
    const got: number[] = []
    for await (const { n } of found) got.push(n)
    expect(got).toEqual([1])
    expect(await found.result).toEqual({ total: 4 })
    await goal.result
    const later = await (await bench.node()).client(contract).attach(goal.id)
    expect(later.status).toBe(GoalStatus.SUCCEEDED)
    expect(await later.result).toEqual({ total: 4 })
    await expect(c.client(contract).attach('nobody')).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
  })

  it('are forgotten when their time is over', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    // Long enough for a client on a busy machine to fetch it.
    await b.serve(contract, ({ to }) => ({ total: to }), { retain: { time: 1000 } })
    const count = a.client(contract)
    const goal = await count({ to: 1 })
    await goal.result
    await quiet(1100)
    await expect(count.attach(goal.id)).rejects.toMatchObject({ code: 'GOAL_UNKNOWN' })
  })

  it('are one goal if they are sent twice with one id', async () => {
    const [a, b] = await bench.nodes()
    const contract = Count()
    let runs = 0
    const end = gate()
    await b.serve(contract, async ({ to }) => {
      runs++
      await end.opened
      return { total: to }
    })
    const id = unique()
    const goals = [await a.client(contract)({ to: 1 }, { id }), await b.client(contract)({ to: 1 }, { id })]
    end.open()
    expect(await Promise.all(goals.map(goal => goal.result))).toEqual([{ total: 1 }, { total: 1 }])
    expect(runs).toBe(1)
  })
}
