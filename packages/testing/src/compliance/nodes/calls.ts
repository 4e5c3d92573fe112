import { RemoteError, rpc } from '@commlib/core'
import { expect, it, vi } from 'vitest'
import { type ComplianceOptions, eventually, gate, numbers, outcome, quiet, unique } from '../bench.ts'
import { aborted, createNodeBench } from './bench.ts'

interface Add {
  readonly a: number
  readonly b: number
}

interface Sum {
  readonly sum: number
}

export function testCalls(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const { supports } = bench
  const AddUp = () => rpc<Add, Sum>(`${unique()}.add`)

  it('are answered, one after the other and many at once', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    await b.serve(contract, request => ({ sum: request.a + request.b }))
    const add = a.client(contract)
    for (let i = 0; i < 20; i++) expect(await add({ a: i, b: 1 })).toEqual({ sum: i + 1 })
    const calls = numbers(200).map(Number)
    const sums = await Promise.all(calls.map(i => add({ a: i, b: 1 })))
    expect(sums.map(({ sum }) => sum)).toEqual(calls.map(i => i + 1))
    expect([...a.errors, ...b.errors]).toEqual([])
  })

  it('are answered in any order', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    await b.serve(contract, async request => {
      await quiet(request.a)
      return { sum: request.a }
    })
    const add = a.client(contract)
    const done: number[] = []
    await Promise.all([120, 60, 0].map(async ms => done.push((await add({ a: ms, b: 0 })).sum)))
    expect(done).toEqual([0, 60, 120])
  })

  it.skipIf(options.slow)('carry much', async () => {
    const [a, b] = await bench.nodes()
    const contract = rpc<{ readonly text: string }, { readonly text: string }>(unique())
    await b.serve(contract, ({ text }) => ({ text }))
    const text = 'é'.repeat(300_000)
    expect((await a.client(contract)({ text })).text === text).toBe(true)
  })

  it('run no more handlers than asked', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    let running = 0
    let most = 0
    const handler = async () => {
      most = Math.max(most, ++running)
      await quiet(20)
      running--
      return { sum: 0 }
    }
    await b.serve(contract, handler, { concurrency: 2 })
    const add = a.client(contract)
    await Promise.all(numbers(10).map(() => add({ a: 1, b: 1 })))
    expect(most).toBe(2)
  })

  it('can be made by a handler, on its own connection', async () => {
    const [a, b] = await bench.nodes()
    const [inner, outer] = [AddUp(), AddUp()]
    await a.serve(inner, request => ({ sum: request.a + request.b }))
    const add = b.client(inner)
    await b.serve(outer, async request => ({ sum: (await add(request)).sum * 2 }), { concurrency: 1 })
    expect(await a.client(outer)({ a: 1, b: 2 })).toEqual({ sum: 6 })
  })

  it('reject with what the handler threw', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    await b.serve(contract, () => {
      throw Object.assign(new RangeError('too much'), { code: 'E_RANGE' })
    })
    const error = await a
      .client(contract)({ a: 1, b: 1 })
      .catch(thrown => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({
      code: 'REMOTE_ERROR',
      message: 'too much',
      remote: { name: 'RangeError', message: 'too much', code: 'E_RANGE' },
    })
    expect(b.errors.map(String)).toEqual(['RangeError: too much'])
  })

  it('time out, which their handler is told', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const told = vi.fn()
    await b.serve(contract, async (_, { signal }) => {
      told(await aborted(signal))
      // The deadline is the same on both sides: an answer now might still be in time.
      await quiet(500)
      return { sum: 0 }
    })
    const start = performance.now()
    const call = a.client(contract)({ a: 1, b: 1 }, { timeout: 200 })
    await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(performance.now() - start).toBeLessThan(1000)
    await eventually(() => expect(told).toHaveBeenCalledWith(expect.objectContaining({ code: 'TIMEOUT' })))
  })

  it('are aborted, which their handler is told at once', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const begun = gate()
    const told = vi.fn()
    await b.serve(contract, async (_, { signal }) => {
      begun.open()
      told(await aborted(signal))
      return { sum: 0 }
    })
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const call = a.client(contract)({ a: 1, b: 1 }, { signal: controller.signal, timeout: 20_000 })
    const rejected = expect(call).rejects.toBe(reason)
    await begun.opened
    controller.abort(reason)
    await rejected
    await eventually(() => expect(told).toHaveBeenCalledOnce(), 2000)
  })

  it('are not run when their time was over before their turn', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const held = gate()
    bench.after(held.open)
    const ran: number[] = []
    const handler = async (request: Add) => {
      ran.push(request.a)
      if (request.a === 1) await held.opened
      return { sum: 0 }
    }
    await b.serve(contract, handler, { concurrency: 1 })
    const add = a.client(contract)
    const first = add({ a: 1, b: 0 })
    await eventually(() => expect(ran).toEqual([1]))
    await expect(add({ a: 2, b: 0 }, { timeout: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    const last = add({ a: 3, b: 0 })
    // The service counts from when it received the request, which is a little later.
    await quiet(100)
    held.open()
    await Promise.all([first, last])
    expect(ran).toEqual([1, 3])
  })

  it(`fail when nobody serves${supports.noService === 'never' ? ', by their deadline' : ', at once'}`, async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const add = a.client(contract)
    const told = supports.noService !== 'never'
    const expected = { code: told ? 'NO_SERVICE' : 'TIMEOUT' }
    const call = (timeout: number) => add({ a: 1, b: 1 }, { timeout })
    await expect(call(told ? 10_000 : 200)).rejects.toMatchObject(expected)
    const service = await b.serve(contract, () => ({ sum: 0 }))
    await call(10_000)
    await service.close()
    if (supports.noService === 'confirmed') await expect(call(200)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await expect(call(told ? 10_000 : 200)).rejects.toMatchObject(expected)
  })

  if (supports.competing) {
    it('are shared by services of one name, and each is run once', async () => {
      const [a, b] = await bench.nodes()
      const c = await bench.node()
      const contract = AddUp()
      const ran = { b: 0, c: 0 }
      await b.serve(contract, () => ({ sum: ++ran.b }))
      await c.serve(contract, () => ({ sum: ++ran.c }))
      const add = a.client(contract)
      for (let i = 0; i < 20; i++) await add({ a: 1, b: 1 })
      await quiet()
      expect(ran.b + ran.c).toBe(20)
      expect(Math.min(ran.b, ran.c)).toBeGreaterThan(0)
    })
  }

  it('end when their node is closed', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const begun = gate()
    await b.serve(contract, () => {
      begun.open()
      return new Promise<Sum>(() => {})
    })
    const call = a
      .client(contract)({ a: 1, b: 1 })
      .catch(error => error)
    await begun.opened
    expect(await outcome(a.close(), 3000)).toBe('resolved')
    expect(await outcome(call, 1000)).toBe('resolved')
    expect(await call).toMatchObject({ code: 'CLOSED' })
  })

  it('are finished before their service closes, if it is given time', async () => {
    const [a, b] = await bench.nodes()
    const contract = AddUp()
    const begun = gate()
    await b.serve(contract, async () => {
      begun.open()
      await quiet(100)
      return { sum: 1 }
    })
    const call = a.client(contract)({ a: 1, b: 1 })
    await begun.opened
    await b.close({ grace: 5000 })
    expect(await call).toEqual({ sum: 1 })
  })
}
