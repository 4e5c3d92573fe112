import Type from 'typebox'
import { describe, expect, it, vi } from 'vitest'
import type { StandardSchema } from '../../src/contracts/schema.ts'
import { type TransportStatus, topic } from '../../src/index.ts'
import { deferred, settle, testNode } from '../support/nodes.ts'

const Count = topic('count', Type.Object({ n: Type.Integer() }))
const Temperature = topic('sensors.{room}.temperature', Type.Object({ celsius: Type.Number() }))

describe('publishing', () => {
  it('names the topic of a pattern by params or by topic', async () => {
    const node = await testNode()
    const got: unknown[] = []
    await node.subscribe(Temperature, (message, { topic, params }) => got.push([topic, params.room, message]))
    const { publish } = node.publisher(Temperature)
    await publish({ celsius: 1 }, { params: { room: 'kitchen' } })
    await publish({ celsius: 2 }, { topic: 'sensors.hall.temperature' })
    await vi.waitFor(() =>
      expect(got).toEqual([
        ['sensors.kitchen.temperature', 'kitchen', { celsius: 1 }],
        ['sensors.hall.temperature', 'hall', { celsius: 2 }],
      ]),
    )
  })

  it('rejects what does not fit', async () => {
    const node = await testNode()
    const { publish } = node.publisher(Temperature)
    await expect(publish({ celsius: 1 }, { topic: 'other' })).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
    await expect(publish({ celsius: 1 }, { params: { room: 'a.b' } })).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
    await expect(publish({ celsius: 'x' } as never, { params: { room: 'a' } })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringContaining('/celsius'),
    })
    expect(node.ports[0]).toMatchObject({ kind: 'publisher', errors: 3 })
  })

  it('says once that peers in other languages cannot read what is no object', async () => {
    const warn = vi.fn()
    const node = await testNode({ log: { ...console, warn } })
    node.publisher(topic('list', Type.Array(Type.Integer())))
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toContain("'list'")
  })

  it('is refused on a closed node', async () => {
    const node = await testNode()
    const { publish } = node.publisher(Count)
    await node.close()
    await expect(publish({ n: 1 })).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('a subscriber', () => {
  it('gets no call, reply or control message through a pattern', async () => {
    const node = await testNode()
    const got: string[] = []
    await node.subscribe(topic('*'), (_, { topic }) => got.push(topic))
    const { transport } = node[Object.getOwnPropertySymbols(node)[0] as never] as {
      transport: import('../../src/index.ts').Transport
    }
    const frame = { body: new TextEncoder().encode('{}') }
    await transport.publish('math.add', { ...frame, replyTo: 'rpc-1' })
    await transport.publish('rpc-1.2', frame)
    await transport.publish('math.add._cancel', frame)
    await transport.publish('plain', frame)
    await vi.waitFor(() => expect(got).toEqual(['plain']))
  })

  it('never sees a message that does not fit, and gets the next one', async () => {
    const node = await testNode()
    const got: unknown[] = []
    await node.subscribe(Count, message => got.push(message))
    const { publish } = node.publisher(topic('count'))
    for (const bad of [{ n: 'x' }, {}, null, 5, 'text', []]) await publish(bad)
    await publish({ n: 1 })
    await vi.waitFor(() => expect(got).toEqual([{ n: 1 }]))
    expect(node.errors).toHaveLength(6)
    expect(node.errors[0]).toMatchObject({ code: 'INVALID_MESSAGE', message: expect.stringMatching(/'count'.*\/n/) })
  })

  it('handles one message after the other', async () => {
    const node = await testNode()
    const events: string[] = []
    await node.subscribe(Count, async ({ n }) => {
      events.push(`start ${n}`)
      await settle()
      events.push(`end ${n}`)
    })
    const { publish } = node.publisher(Count)
    await Promise.all([publish({ n: 1 }), publish({ n: 2 })])
    await vi.waitFor(() => expect(events).toEqual(['start 1', 'end 1', 'start 2', 'end 2']))
  })

  it('goes on after a handler that throws or rejects', async () => {
    const node = await testNode()
    const got: number[] = []
    await node.subscribe(Count, ({ n }) => {
      if (n === 1) throw new Error('one')
      return n === 2 ? Promise.reject(new Error('two')) : got.push(n)
    })
    const { publish } = node.publisher(Count)
    for (const n of [1, 2, 3]) await publish({ n })
    await vi.waitFor(() => expect(got).toEqual([3]))
    expect(node.errors.map(error => (error as Error).message)).toEqual(['one', 'two'])
    expect(node.ports.find(({ kind }) => kind === 'subscriber')).toMatchObject({ messages: 3, errors: 2 })
  })

  it('drops the oldest when its handler is too slow, and tells how many', async () => {
    const lost: TransportStatus[] = []
    const node = await testNode({ onStatus: status => lost.push(status) })
    const release = deferred()
    const got: number[] = []
    await node.subscribe(
      Count,
      async ({ n }) => {
        await release.promise
        got.push(n)
      },
      { maxBuffered: 2 },
    )
    const { publish } = node.publisher(Count)
    for (let n = 0; n < 6; n++) await publish({ n })
    await vi.waitFor(() => expect(lost).toContainEqual(expect.objectContaining({ type: 'messages-lost', count: 3 })))
    release.resolve()
    await vi.waitFor(() => expect(got).toEqual([0, 4, 5]))
  })

  it('tries again as often as asked', async () => {
    const node = await testNode()
    const attempts = vi.fn(() => Promise.reject(new Error('never')))
    await node.subscribe(Count, attempts, { retries: 2 })
    await node.publisher(Count).publish({ n: 1 })
    await vi.waitFor(() => expect(node.errors).toHaveLength(3))
    await settle()
    expect(attempts).toHaveBeenCalledTimes(3)
  })

  it('gives up a handler that hangs, after telling it', async () => {
    const node = await testNode()
    const got: number[] = []
    let signal: AbortSignal | undefined
    await node.subscribe(
      Count,
      ({ n }, context) => {
        got.push(n)
        if (n === 1) signal = context.signal
        return n === 1 ? new Promise(() => {}) : undefined
      },
      { handlerTimeout: 30 },
    )
    const { publish } = node.publisher(Count)
    await publish({ n: 1 })
    await publish({ n: 2 })
    await vi.waitFor(() => expect(got).toEqual([1, 2]))
    expect(signal?.aborted).toBe(true)
    expect(node.errors).toEqual([expect.objectContaining({ code: 'HANDLER_TIMEOUT' })])
  })

  it('keeps the order of messages whose schema checks asynchronously', async () => {
    const Slow: StandardSchema<{ n: number }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async value => {
          const message = value as { n: number }
          await new Promise(resolve => setTimeout(resolve, 10 - message.n))
          return message.n === 3 ? { issues: [{ message: 'not three' }] } : { value: message }
        },
      },
    }
    const node = await testNode()
    const got: number[] = []
    await node.subscribe(topic('slow', Slow), ({ n }) => got.push(n))
    const { publish } = node.publisher(topic('slow'))
    for (let n = 0; n < 6; n++) await publish({ n })
    await vi.waitFor(() => expect(got).toEqual([0, 1, 2, 4, 5]))
    expect(node.errors).toHaveLength(1)
  })

  it('ends with its signal', async () => {
    const node = await testNode()
    const controller = new AbortController()
    const handler = vi.fn()
    await node.subscribe(Count, handler, { signal: controller.signal })
    controller.abort()
    await settle()
    await node.publisher(Count).publish({ n: 1 })
    await settle()
    expect(handler).not.toHaveBeenCalled()
    expect(node.ports.filter(({ kind }) => kind === 'subscriber')).toEqual([])
    await expect(node.subscribe(Count, handler, { signal: controller.signal })).rejects.toBe(controller.signal.reason)
  })

  it.each([{ maxBuffered: 0 }, { maxBuffered: 1.5 }, { retries: -1 }, { handlerTimeout: 'x' }, { buffer: 5 }])(
    'refuses the options %j',
    async options => {
      const node = await testNode()
      await expect(node.subscribe(Count, () => {}, options as never)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(Object.keys(options)[0] as string),
      })
    },
  )
})

describe('iterating', () => {
  it('yields messages, and unsubscribes when the loop is left', async () => {
    const node = await testNode()
    const counts = await node.subscribe(Count)
    const { publish } = node.publisher(Count)
    for (const n of [1, 2, 3]) await publish({ n })
    const got: number[] = []
    for await (const { n } of counts) if (got.push(n) === 2) break
    expect(got).toEqual([1, 2])
    expect(node.ports.filter(({ kind }) => kind === 'subscriber')).toEqual([])
  })

  it('ends when the node closes or the signal aborts, after what was buffered', async () => {
    for (const how of ['close', 'abort'] as const) {
      const node = await testNode()
      const controller = new AbortController()
      const counts = await node.subscribe(Count, { signal: controller.signal })
      await node.publisher(Count).publish({ n: 1 })
      await settle()
      const reading = (async () => {
        const got: number[] = []
        for await (const { n } of counts) got.push(n)
        return got
      })()
      await settle()
      if (how === 'close') await node.close()
      else controller.abort()
      expect(await reading).toEqual([1])
    }
  })

  it('drops the oldest for a slow reader, and tells', async () => {
    const statuses: TransportStatus[] = []
    const node = await testNode({ onStatus: status => statuses.push(status) })
    const counts = await node.subscribe(Count, { maxBuffered: 2 })
    const { publish } = node.publisher(Count)
    for (let n = 0; n < 5; n++) await publish({ n })
    await vi.waitFor(() =>
      expect(statuses).toContainEqual(expect.objectContaining({ type: 'messages-lost', count: 3 })),
    )
    expect(await counts.next()).toEqual({ done: false, value: { n: 3 } })
    await counts.close()
  })

  it('acknowledges a reliable message when the next is asked for, and not when the loop is left', async () => {
    const node = await testNode()
    const read = async (until: number) => {
      const got: number[] = []
      for await (const { n } of await node.subscribe(Count, { durable: 'reader' })) {
        got.push(n)
        if (n === until) break
      }
      return got
    }
    await (await node.subscribe(Count, { durable: 'reader' })).close()
    const { publish } = node.publisher(Count)
    for (const n of [1, 2, 3]) await publish({ n }, { reliable: true })
    expect(await read(2)).toEqual([1, 2])
    expect(await read(3)).toEqual([2, 3])
  })
})
