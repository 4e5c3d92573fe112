import { afterEach, describe, expect, it, vi } from 'vitest'
import { type MemoryOptions, memory } from '../src/memory/index.ts'
import type { Frame, TransportStatus } from '../src/transport.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = ({ body }: Frame) => new TextDecoder().decode(body)
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))
const turn = () => new Promise(resolve => setImmediate(resolve))
let hubs = 0
let closing: Array<() => Promise<void>> = []

afterEach(async () => {
  for (const close of closing) await close()
  closing = []
})

async function connect(options: MemoryOptions = {}) {
  const transport = memory(options)
  closing.push(transport.close)
  const statuses: TransportStatus[] = []
  const errors: unknown[] = []
  await transport.connect({ onStatus: status => statuses.push(status), onError: error => errors.push(error) })
  return { transport, statuses, errors }
}

/** A hub that no other test uses. */
const fresh = (maxMessages?: number): MemoryOptions => ({ hub: `hub ${hubs++}`, maxMessages })

describe('memory()', () => {
  it('reaches those that name the same hub, or none, and nobody else', async () => {
    const [a, b, c] = [await connect(), await connect({ hub: 'default' }), await connect(fresh())]
    const got: string[] = []
    await b.transport.subscribe('hubs', () => void got.push('b'))
    await c.transport.subscribe('hubs', () => void got.push('c'))
    await a.transport.publish('hubs', { body: bytes('x') })
    await turn()
    expect(got).toEqual(['b'])
  })

  it('refuses options that cannot be met', async () => {
    const options = fresh(10)
    memory(options)
    expect(() => memory({ ...options, maxMessages: 11 })).toThrow(/maxMessages of hub .* is 10 already, not 11/)
    for (const maxMessages of [0, Number.NaN]) {
      expect(() => memory(fresh(maxMessages))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })

  it('says that it is not connected', async () => {
    await expect(memory().publish('a', { body: bytes('x') })).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('never delivers inside the call that sends, and copies no body', async () => {
    const { transport } = await connect(fresh())
    const got: Frame[] = []
    await transport.subscribe('a', (_, frame) => void got.push(frame))
    await transport.pull('q', frame => void got.push(frame))
    const body = bytes('x')
    void transport.publish('a', { body })
    void transport.push('q', { body })
    expect(got).toEqual([])
    await turn()
    expect(got.map(frame => frame.body === body)).toEqual([true, true])
  })

  it('gives nothing that is on its way to a subscription that has closed', async () => {
    const { transport } = await connect(fresh())
    const got = vi.fn()
    const subscription = await transport.subscribe('a', got)
    void transport.publish('a', { body: bytes('x') })
    await subscription.close()
    await turn()
    expect(got).not.toHaveBeenCalled()
  })

  it('leaves timers their turn while two answer each other without end', async () => {
    const { transport } = await connect(fresh())
    let going = true
    let rounds = 0
    await transport.subscribe('ping', () => void (going && transport.publish('pong', { body: bytes('x') })))
    await transport.subscribe('pong', () => {
      rounds++
      void transport.publish('ping', { body: bytes('x') })
    })
    await transport.publish('ping', { body: bytes('x') })
    await new Promise(resolve => setTimeout(resolve, 20))
    going = false
    expect(rounds).toBeGreaterThan(100)
  })

  it('loses nothing of a publisher that awaits, however much it sends', async () => {
    const { transport, statuses } = await connect(fresh(100))
    let got = 0
    await transport.subscribe('a', () => void got++)
    for (let i = 0; i < 10_000; i++) await transport.publish('a', { body: bytes('x') })
    await turn()
    expect(got).toBe(10_000)
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it('drops and counts what a publisher that does not await sends too much', async () => {
    const { transport, statuses } = await connect(fresh(10))
    const got: string[] = []
    await transport.subscribe('a', (_, frame) => void got.push(text(frame)))
    for (const body of numbers(25)) void transport.publish('a', { body: bytes(body) })
    await turn()
    expect(got).toEqual(numbers(10))
    expect(statuses.slice(1)).toEqual([{ type: 'messages-lost', count: 15, reason: expect.stringContaining('a') }])
  })

  it('holds so many messages for a durable subscriber, drops the oldest and counts them', async () => {
    const options = fresh(10)
    const a = await connect(options)
    const first = await connect(options)
    await first.transport.subscribe('a', () => {}, { durable: 'd' })
    await first.transport.close()
    for (const body of numbers(25)) await a.transport.publish('a', { body: bytes(body) }, { reliable: true })
    const second = await connect(options)
    const got: string[] = []
    await second.transport.subscribe('a', (_, frame) => void got.push(text(frame)), { durable: 'd' })
    await turn()
    expect(got).toEqual(numbers(25).slice(15))
    expect(second.statuses.slice(1)).toEqual([{ type: 'messages-lost', count: 15, reason: expect.any(String) }])
  })

  it('gives a reliable listener no more than it settles in time', async () => {
    const { transport } = await connect(fresh())
    let running = 0
    let settle = () => {}
    const held = new Promise<void>(resolve => {
      settle = resolve
    })
    const hold = () => {
      running++
      return held
    }
    await transport.subscribe('a', hold, { reliable: true })
    for (const body of numbers(200)) await transport.publish('a', { body: bytes(body) })
    await turn()
    expect(running).toBe(64)
    settle()
    await turn()
    expect(running).toBe(200)
  })

  it('redelivers in order, also what was held before', async () => {
    const { transport } = await connect(fresh())
    const got: string[] = []
    for (let round = 0; round < 3; round++) {
      const seen: string[] = []
      const hold = (_: string, frame: Frame) => {
        seen.push(text(frame))
        return new Promise<void>(() => {})
      }
      const subscription = await transport.subscribe('a', hold, { durable: 'd' })
      await transport.publish('a', { body: bytes(String(round)) })
      await turn()
      await subscription.close()
      got.push(seen.join(''))
    }
    expect(got).toEqual(['0', '01', '012'])
  })

  it('rejects what a full queue cannot take', async () => {
    const { transport } = await connect(fresh(2))
    for (const body of ['1', '2']) await transport.push('q', { body: bytes(body) })
    await expect(transport.push('q', { body: bytes('3') })).rejects.toMatchObject({ code: 'BUFFER_FULL' })
  })

  it('tells a receiver what is left of the expiry', async () => {
    const { transport } = await connect(fresh())
    const got: Frame[] = []
    await transport.push('q', { body: bytes('x'), expiry: 5000 })
    await new Promise(resolve => setTimeout(resolve, 20))
    await transport.pull('q', frame => void got.push(frame))
    await turn()
    expect(got[0]?.expiry).toBeLessThanOrEqual(4981)
    expect(got[0]?.expiry).toBeGreaterThan(4000)
  })

  it('forgets a durable subscription, and tells who still uses it', async () => {
    const options = fresh()
    const { transport, statuses } = await connect(options)
    const got: string[] = []
    const listener = (_: string, frame: Frame) => void got.push(text(frame))
    await transport.subscribe('a', listener, { durable: 'd' })
    transport.forget('d')
    expect(statuses.at(-1)).toMatchObject({ type: 'error', fatal: true, error: { code: 'SESSION_TAKEN' } })
    await transport.publish('a', { body: bytes('lost') })
    await transport.subscribe('a', listener, { durable: 'd' })
    await transport.publish('a', { body: bytes('kept') })
    await turn()
    expect(got).toEqual(['kept'])
  })

  it('refuses a latched group, and says why', async () => {
    const { transport } = await connect(fresh())
    const subscribed = transport.subscribe('a', () => {}, { latched: true, group: 'g' })
    await expect(subscribed).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining("'g'") })
  })
})
