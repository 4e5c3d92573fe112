import Type from 'typebox'
import { describe, expect, it, vi } from 'vitest'
import { CommlibError, memory, RemoteError, rpc } from '../../src/index.ts'
import { deferred, settle, testNode } from '../support/nodes.ts'

const Number_ = Type.Object({ n: Type.Integer() })
const Other = rpc('math.other', { request: Number_, response: Number_ })
const Double = rpc('math.double', { request: Number_, response: Number_ })

describe('a call', () => {
  it('is answered, with many in flight and out of order', async () => {
    const node = await testNode()
    await node.serve(Double, async ({ n }) => {
      await new Promise(resolve => setTimeout(resolve, (n * 7) % 10))
      return { n: 2 * n }
    })
    const double = node.client(Double)
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => double({ n })))
    expect(answers).toEqual(Array.from({ length: 500 }, (_, n) => ({ n: 2 * n })))
  })

  it('rejects with what the handler threw', async () => {
    const node = await testNode()
    await node.serve(Double, ({ n }) => {
      throw Object.assign(new RangeError(`${n} is too much`), { code: 'E_MUCH' })
    })
    const error = await node
      .client(Double)({ n: 5 })
      .catch(error => error)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toBeInstanceOf(CommlibError)
    expect(error).toMatchObject({
      code: 'REMOTE_ERROR',
      message: '5 is too much',
      remote: { name: 'RangeError', message: '5 is too much', code: 'E_MUCH' },
    })
    expect(node.errors).toHaveLength(1)
  })

  it('rejects with a typed error if request or response does not fit', async () => {
    const node = await testNode()
    await node.serve(rpc('math.double'), () => ({ n: 'x' }))
    await expect(node.client(Double)({ n: 1.5 })).rejects.toMatchObject({ code: 'INVALID_MESSAGE', message: /\/n/ })
    await expect(node.client(Double)({ n: 1 })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
  })

  it('tells the caller when the handler was given or gave something that does not fit', async () => {
    const node = await testNode()
    await node.serve(Double, () => ({ n: 'x' }) as never)
    const anything = node.client(rpc<unknown, unknown>('math.double'))
    await expect(anything({ n: 'x' })).rejects.toMatchObject({ remote: { code: 'INVALID_MESSAGE' } })
    await expect(anything({ n: 1 })).rejects.toMatchObject({ remote: { code: 'INVALID_MESSAGE' } })
  })

  it('ends by its deadline, and a late answer does no harm', async () => {
    const node = await testNode()
    const release = deferred()
    await node.serve(Double, async request => {
      await release.promise
      return request
    })
    await expect(node.client(Double)({ n: 1 }, { timeout: 30 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: "no answer from 'math.double' within 30 ms",
    })
    release.resolve()
    await settle()
    expect(node.errors).toEqual([])
  })

  it('ends by its own deadline among others with theirs', async () => {
    const node = await testNode()
    await node.serve(Double, () => new Promise<never>(() => {}))
    const double = node.client(Double)
    const start = performance.now()
    const over: number[] = []
    const early: number[] = []
    const calls = [300, 30, Infinity, 150, 5, 90].map(async timeout => {
      const error = await double({ n: 0 }, { timeout }).catch(error => error)
      if (performance.now() - start < timeout && timeout < Infinity) early.push(timeout)
      over.push(timeout)
      return error.code
    })
    await calls[0]
    expect(over).toEqual([5, 30, 90, 150, 300])
    expect(early).toEqual([])
    await node.close()
    expect(await Promise.all(calls)).toEqual(['TIMEOUT', 'TIMEOUT', 'CLOSED', 'TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
  })

  it('does not end by its deadline before one that was made earlier', async () => {
    const node = await testNode()
    await node.serve(Double, () => new Promise<never>(() => {}))
    const double = node.client(Double, { timeout: 50 })
    const over: number[] = []
    const calls = [1, 2].map(n => double({ n }).catch(() => over.push(n)))
    await settle()
    // The process stands still whenever it looks at the clock.
    const clock = performance.now.bind(performance)
    let behind = 20
    const stalled = vi.spyOn(performance, 'now').mockImplementation(() => clock() - (behind -= 15))
    await Promise.all(calls)
    stalled.mockRestore()
    expect(over).toEqual([1, 2])
  })

  it('aborts with the signal, and aborts the handler', async () => {
    const node = await testNode()
    const aborted = deferred<unknown>()
    await node.serve(Double, (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      return new Promise(() => {})
    })
    const controller = new AbortController()
    const call = node.client(Double)({ n: 1 }, { signal: controller.signal })
    await settle()
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    expect(await aborted.promise).toMatchObject({ code: 'CLOSED' })
  })

  it('aborts the handler when its deadline passes', async () => {
    const node = await testNode()
    const aborted = deferred<unknown>()
    await node.serve(Double, (_, { signal, timeout }) => {
      expect(timeout).toBeCloseTo(50, -1)
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      return new Promise(() => {})
    })
    await expect(node.client(Double)({ n: 1 }, { timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await aborted.promise).toMatchObject({ code: 'TIMEOUT' })
  })

  it('is not even sent once the signal has aborted', async () => {
    const node = await testNode()
    const handler = vi.fn(request => request)
    await node.serve(Double, handler)
    const signal = AbortSignal.abort(new Error('no'))
    await expect(node.client(Double)({ n: 1 }, { signal })).rejects.toThrow('no')
    await settle()
    expect(handler).not.toHaveBeenCalled()
  })

  it('fails at once if nobody serves', async () => {
    const node = await testNode()
    await expect(node.client(Double)({ n: 1 })).rejects.toMatchObject({
      code: 'NO_SERVICE',
      message: expect.stringContaining('math.double'),
    })
  })

  it('asks the broker whether anybody serves only where that is not known, if asking costs a confirmation', async () => {
    const inner = memory('confirmed')
    const asked: boolean[] = []
    const node = await testNode({
      transport: {
        ...inner,
        supports: { ...inner.supports, noService: 'confirmed' },
        push: (queue, frame, options) => {
          if (queue === 'math.double') asked.push(options?.mandatory === true)
          return inner.push(queue, frame, options)
        },
      },
    })
    let silent = false
    await node.serve(Double, request => (silent ? new Promise(() => {}) : request))
    await node.client(Double)({ n: 1 })
    await node.client(Double)({ n: 2 })
    silent = true
    await expect(node.client(Double)({ n: 3 }, { timeout: 20 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    silent = false
    await node.client(Double)({ n: 4 })
    expect(asked).toEqual([true, false, false, true])
  })

  it('fails when its node closes', async () => {
    const [a, b] = [await testNode(), await testNode()]
    await b.serve(Double, () => new Promise(() => {}))
    const call = a.client(Double)({ n: 1 })
    call.catch(() => {})
    await settle()
    await a.close()
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('leaves no timer to a process whose node is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const node = await testNode()
      await node.serve(Double, ({ n }) => ({ n: 2 * n }))
      expect(await node.client(Double)({ n: 1 })).toEqual({ n: 2 })
      await node.close()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is bounded in number', async () => {
    const node = await testNode()
    await node.serve(Double, () => new Promise(() => {}))
    const double = node.client(Double, { maxPending: 2, timeout: 100 })
    const pending = [double({ n: 1 }), double({ n: 2 })]
    const ended = { status: 'rejected', reason: expect.objectContaining({ code: 'TIMEOUT' }) }
    expect(await Promise.allSettled(pending)).toEqual([ended, ended])
    const more = Promise.allSettled([double({ n: 1 }), double({ n: 2 })])
    await expect(double({ n: 3 })).rejects.toMatchObject({ code: 'BUFFER_FULL' })
    expect(await more).toEqual([ended, ended])
  })
})

describe('a service', () => {
  it('handles no more at a time than asked, in order of arrival', async () => {
    const node = await testNode()
    let running = 0
    let most = 0
    const order: number[] = []
    await node.serve(
      Double,
      async ({ n }) => {
        order.push(n)
        most = Math.max(most, ++running)
        await new Promise(resolve => setTimeout(resolve, 5))
        running--
        return { n }
      },
      { concurrency: 3 },
    )
    await Promise.all(Array.from({ length: 20 }, (_, n) => node.client(Double)({ n })))
    expect(most).toBe(3)
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('does not run a request whose caller has given up while it waited', async () => {
    const node = await testNode()
    const release = deferred()
    const handled: number[] = []
    await node.serve(
      Double,
      async ({ n }) => {
        handled.push(n)
        if (n === 1) await release.promise
        return { n }
      },
      { concurrency: 1 },
    )
    const double = node.client(Double)
    const first = double({ n: 1 })
    const late = [double({ n: 2 }, { timeout: 30 }), double({ n: 3 }, { timeout: 30 })]
    const last = double({ n: 4 })
    await Promise.all(late.map(call => expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })))
    await settle()
    release.resolve()
    await Promise.all([first, last])
    expect(handled).toEqual([1, 4])
  })

  it('answers that it is full rather than queue without end', async () => {
    // As on a broker that cannot hold requests back.
    const inner = memory('full')
    const node = await testNode({ transport: { ...inner, pull: (queue, onFrame) => inner.pull(queue, onFrame) } })
    const release = deferred()
    await node.serve(
      Double,
      async request => {
        await release.promise
        return request
      },
      { concurrency: 1, maxQueued: 1 },
    )
    const double = node.client(Double)
    await node.serve(Other, request => request)
    await node.client(Other)({ n: 0 })
    const accepted = [double({ n: 1 }), double({ n: 2 })]
    await expect(double({ n: 3 })).rejects.toMatchObject({ remote: { code: 'BUFFER_FULL' } })
    release.resolve()
    await Promise.all(accepted)
  })

  it('shares the load with others of its name', async () => {
    const [a, b, c] = [await testNode(), await testNode(), await testNode()]
    const hits = { b: 0, c: 0 }
    await b.serve(Double, request => {
      hits.b++
      return request
    })
    await c.serve(Double, request => {
      hits.c++
      return request
    })
    await Promise.all(Array.from({ length: 10 }, (_, n) => a.client(Double)({ n })))
    expect(hits).toEqual({ b: 5, c: 5 })
  })

  it('is gone when it closes', async () => {
    const node = await testNode()
    const service = await node.serve(Double, request => request)
    await service.close()
    await service.close()
    await expect(node.client(Double)({ n: 1 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    expect(node.ports.filter(({ kind }) => kind === 'rpc-service')).toEqual([])
  })

  it('answers however long the message of what its handler threw is', async () => {
    const node = await testNode({ maxMessageBytes: 20_000 })
    await node.serve(Double, () => {
      throw new Error('x'.repeat(100_000))
    })
    await expect(node.client(Double)({ n: 1 })).rejects.toMatchObject({ code: 'REMOTE_ERROR', message: /^x+$/ })
  })

  it('tells a handler that it closes, also one whose caller named no correlation id', async () => {
    const node = await testNode()
    const told = deferred<unknown>()
    const service = await node.serve(Double, (_, { signal }) => {
      signal.addEventListener('abort', () => told.resolve(signal.reason))
      return new Promise(() => {})
    })
    const { transport } = node[Object.getOwnPropertySymbols(node)[0] as never] as {
      transport: import('../../src/index.ts').Transport
    }
    await transport.push('math.double', { body: new TextEncoder().encode('{"n":1}'), replyTo: 'rpc-x' })
    await settle()
    await node.close()
    await service.close()
    expect(await told.promise).toMatchObject({ code: 'CLOSED' })
  })

  it('reports a request it cannot read, and goes on', async () => {
    const node = await testNode()
    await node.serve(Double, ({ n }) => ({ n: 2 * n }))
    const { transport } = node[Object.getOwnPropertySymbols(node)[0] as never] as {
      transport: import('../../src/index.ts').Transport
    }
    await transport.push('math.double', { body: new TextEncoder().encode('{{'), replyTo: 'rpc-x' })
    await transport.push('math.double', { body: new TextEncoder().encode('{"n":1}') })
    expect(await node.client(Double)({ n: 2 })).toEqual({ n: 4 })
    expect(node.errors).toMatchObject([{ code: 'DECODE_FAILED' }, { code: 'INVALID_MESSAGE' }])
  })
})
