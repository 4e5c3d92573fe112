import { action, GoalStatus, rpc, topic } from '@commlib/core'
import { beforeEach, expect, it } from 'vitest'
import type { Broker } from '../../brokers/broker.ts'
import { createFaultProxy, type FaultProxy } from '../../fault-proxy.ts'
import { type ComplianceOptions, eventually, gate, numbers, outcome, quiet, unique } from '../bench.ts'
import { throughProxy } from '../errors.ts'
import { createNodeBench, reconnected, soon } from './bench.ts'

/** Milliseconds in which everything must be back when the broker is. */
const RECOVERY = 2000

/** How a call that an outage has met may end, if it is not answered. */
const UNANSWERED = /^(TIMEOUT|CONNECTION_LOST|NO_SERVICE)$/

interface Value {
  readonly n: number
}

export function testOutages(options: ComplianceOptions & { readonly broker: Broker }): void {
  const { broker } = options
  const bench = createNodeBench(options)
  let proxy: FaultProxy
  let url: string
  beforeEach(async () => {
    const opened = await createFaultProxy(broker)
    bench.after(opened.close)
    proxy = opened
    url = throughProxy(broker, proxy)
    if (broker.can.restart) bench.after(() => broker.start())
  })

  const cut = async (node: Awaited<ReturnType<typeof bench.node>>) => {
    const before = node.statuses.length
    proxy.reset()
    await reconnected(node, before, RECOVERY)
  }

  it('leave a node running, with its subscriptions, services and clients', async () => {
    const a = await bench.node()
    const b = await bench.node({ url })
    const Values = topic<Value>(unique())
    const Double = rpc<Value, Value>(unique())
    const Triple = rpc<Value, Value>(unique())
    const got: number[] = []
    await b.subscribe(Values, ({ n }) => void got.push(n))
    const iterated = await b.subscribe(Values)
    await b.serve(Double, ({ n }) => ({ n: n * 2 }))
    await a.serve(Triple, ({ n }) => ({ n: n * 3 }))
    const triple = b.client(Triple)
    await triple({ n: 1 })
    await cut(b)
    expect(b.state).toBe('running')
    await a.publisher(Values).publish({ n: 1 })
    await eventually(() => expect(got).toEqual([1]))
    for await (const { n } of iterated) {
      expect(n).toBe(1)
      break
    }
    expect(await a.client(Double)({ n: 4 })).toEqual({ n: 8 })
    expect(await triple({ n: 4 })).toEqual({ n: 12 })
    await quiet()
    expect(got).toEqual([1])
  })

  it.each(['caller', 'service'] as const)('of the %s leave no call hanging', async side => {
    const a = await bench.node(side === 'caller' ? { url } : {})
    const b = await bench.node(side === 'service' ? { url } : {})
    const Wait = rpc<Value, Value>(unique())
    const begun = gate()
    const held = gate()
    bench.after(held.open)
    await b.serve(Wait, async ({ n }) => {
      begun.open()
      await held.opened
      return { n }
    })
    const wait = a.client(Wait)
    const call = wait({ n: 1 }, { timeout: 3000 }).catch(error => error)
    await begun.opened
    await cut(side === 'caller' ? a : b)
    held.open()
    expect(await outcome(call, 4000)).toBe('resolved')
    const result = await call
    if (result instanceof Error) expect(result).toMatchObject({ code: expect.stringMatching(UNANSWERED) })
    else expect(result).toEqual({ n: 1 })
    expect(await wait({ n: 2 }, { timeout: 3000 })).toEqual({ n: 2 })
  })

  it('leave a goal to its service, and its client hears how it ended', async () => {
    const a = await bench.node({ url })
    const b = await bench.node()
    const Count = action<Value, Value, Value>(unique())
    const held = gate()
    bench.after(held.open)
    await b.serve(Count, async ({ n }) => {
      await held.opened
      return { n }
    })
    const goal = await a.client(Count)({ n: 1 })
    await proxy.refuse()
    const before = a.statuses.length
    proxy.reset()
    await eventually(() => expect(a.statuses.slice(before).map(({ type }) => type)).toContain('disconnected'))
    // It ends while nobody can be told.
    held.open()
    await quiet(300)
    await proxy.restore()
    await reconnected(a, before, RECOVERY)
    expect(await outcome(goal.outcome, 10_000)).toBe('resolved')
    expect(await goal.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { n: 1 } })
  })

  it('that nobody is told of end every call by its deadline, and the node comes back', async () => {
    const a = await bench.node({ url, keepalive: 1000 })
    const b = await bench.node()
    const Echo = rpc<Value, Value>(unique())
    await b.serve(Echo, value => value)
    const echo = a.client(Echo)
    await echo({ n: 0 })
    const before = a.statuses.length
    await proxy.halfOpen()
    const start = performance.now()
    const calls = numbers(100).map(async number => {
      const timeout = 200 + Number(number) * 5
      const error = await echo({ n: Number(number) }, { timeout }).catch(thrown => thrown)
      return [error.code, performance.now() - start - timeout] as const
    })
    for (const [code, late] of await Promise.all(calls)) {
      expect(code).toMatch(UNANSWERED)
      expect(late).toBeLessThan(500)
    }
    await eventually(() => expect(a.statuses.slice(before).map(({ type }) => type)).toContain('disconnected'))
    await proxy.restore()
    await reconnected(a, before, RECOVERY)
    expect(await echo({ n: 1 })).toEqual({ n: 1 })
  })

  it('at the start are waited for, if the node is told to', async () => {
    await proxy.refuse()
    const a = await bench.node()
    const b = await bench.node({ url, waitForBroker: true })
    expect(b.state).toBe('connecting')
    const Values = topic<Value>(unique())
    const Double = rpc<Value, Value>(unique())
    const got: number[] = []
    const ready = Promise.all([
      b.subscribe(Values, ({ n }) => void got.push(n)),
      b.serve(Double, ({ n }) => ({ n: n * 2 })),
    ])
    await quiet(300)
    await proxy.restore()
    await ready
    await eventually(() => expect(b.state).toBe('running'), RECOVERY)
    await a.publisher(Values).publish({ n: 1 })
    await eventually(() => expect(got).toEqual([1]))
    expect(await a.client(Double)({ n: 4 })).toEqual({ n: 8 })
  })

  if (!broker.can.restart) return

  it.each(['stop', 'kill'] as const)('of the broker (%s) in the middle of calls leave none hanging', async how => {
    const [a, b] = await bench.nodes()
    const Echo = rpc<Value, Value>(unique())
    const Values = topic<Value>(unique())
    const got: number[] = []
    await b.subscribe(Values, ({ n }) => void got.push(n))
    await b.serve(Echo, async ({ n }) => {
      await quiet(5)
      return { n }
    })
    const echo = a.client(Echo)
    await echo({ n: 0 })
    const calls = numbers(200).map(async number => {
      await quiet(Number(number))
      return echo({ n: Number(number) }, { timeout: 1500 }).catch(error => error)
    })
    const before = [a.statuses.length, b.statuses.length] as const
    await quiet(50)
    await broker[how]()
    await quiet(100)
    await broker.start()
    await Promise.all([reconnected(a, before[0], RECOVERY), reconnected(b, before[1], RECOVERY)])
    const results = await Promise.all(calls)
    for (const [n, result] of results.entries()) {
      if (result instanceof Error) expect(result).toMatchObject({ code: expect.stringMatching(UNANSWERED) })
      else expect(result).toEqual({ n })
    }
    expect(await soon(() => echo({ n: 1000 }, { timeout: 500 }), RECOVERY)).toEqual({ n: 1000 })
    await a.publisher(Values).publish({ n: 1 })
    await eventually(() => expect(got).toEqual([1]))
  })
}
