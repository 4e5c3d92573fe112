import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OfflineBuffer, type OfflineBufferOptions } from '../../src/connection/offline-buffer.ts'

interface Item {
  readonly id: number
  readonly bytes: number
  readonly droppable: boolean
}

function create(options: OfflineBufferOptions) {
  let dropped = 0
  const buffer = new OfflineBuffer<Item>(options, () => dropped++)
  return { buffer, dropped: () => dropped }
}

function item(id: number, droppable = true, bytes = 1): Item {
  return { id, bytes, droppable }
}

function drain(buffer: OfflineBuffer<Item>): number[] {
  return Array.from(buffer.drain(), ({ id }) => id)
}

describe('an offline buffer', () => {
  it('gives back what it was given, in order', () => {
    const { buffer } = create({})
    for (let id = 0; id < 1000; id++) buffer.add(item(id, id % 2 === 0))
    expect(drain(buffer)).toEqual(Array.from({ length: 1000 }, (_, id) => id))
  })

  it('is emptied in a moment, however much there is', () => {
    const { buffer } = create({ maxMessages: Infinity })
    for (let id = 0; id < 300_000; id++) buffer.add(item(id, id % 2 === 0))
    const start = performance.now()
    expect(drain(buffer)).toHaveLength(300_000)
    // A few hundred; what takes a time that grows with the square of their number takes ten thousand.
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it('gives back what comes while it is emptied, in its turn', () => {
    const { buffer } = create({})
    for (const id of [1, 2]) buffer.add(item(id))
    const ids: number[] = []
    for (const { id } of buffer.drain()) {
      ids.push(id)
      if (id === 1) buffer.add(item(3))
    }
    expect(ids).toEqual([1, 2, 3])
    expect(buffer.bytes).toBe(0)
  })

  it('drops the oldest that nobody waits for', () => {
    const { buffer, dropped } = create({ maxMessages: 3 })
    buffer.add(item(1, false))
    for (const id of [2, 3, 4]) buffer.add(item(id))
    buffer.add(item(5, false))
    expect(dropped()).toBe(2)
    expect(drain(buffer)).toEqual([1, 4, 5])
  })

  it('refuses what somebody waits for when nothing can be dropped, and drops the new one otherwise', () => {
    const { buffer, dropped } = create({ maxMessages: 1 })
    buffer.add(item(1, false))
    expect(() => buffer.add(item(2, false))).toThrow(expect.objectContaining({ code: 'BUFFER_FULL' }))
    buffer.add(item(3))
    expect(dropped()).toBe(1)
    expect(drain(buffer)).toEqual([1])
  })

  it('counts bytes, and takes nothing that is larger than all of it', () => {
    const { buffer, dropped } = create({ maxBytes: 10 })
    buffer.add(item(1, true, 6))
    buffer.add(item(2, true, 6))
    expect(dropped()).toBe(1)
    buffer.add(item(3, true, 11))
    expect(dropped()).toBe(3)
    expect(buffer.bytes).toBe(0)
    expect(() => buffer.add(item(4, false, 11))).toThrow(expect.objectContaining({ code: 'BUFFER_FULL' }))
  })

  it('rejects all that does not fit where that is the policy', () => {
    const { buffer, dropped } = create({ maxMessages: 1, policy: 'reject' })
    buffer.add(item(1))
    expect(() => buffer.add(item(2))).toThrow(expect.objectContaining({ code: 'BUFFER_FULL' }))
    expect(dropped()).toBe(0)
  })

  it('puts back what had left, before all others and whatever the limit', () => {
    const { buffer } = create({ maxMessages: 2 })
    buffer.add(item(3))
    buffer.putBack([item(1, false), item(2, false)])
    expect(drain(buffer)).toEqual([1, 2, 3])
    expect(buffer.bytes).toBe(0)
  })

  it('never holds more than was allowed, and loses nothing that it does not count', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), droppable: fc.boolean(), bytes: fc.nat(5) }),
      fc.record({ do: fc.constantFrom('shift' as const, 'remove' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 10 }), (steps, maxMessages) => {
        const { buffer, dropped } = create({ maxMessages, maxBytes: 20 })
        let id = 0
        let added = 0
        let left = 0
        let last = -1
        let newest: Item | undefined
        for (const each of steps) {
          if (each.do === 'add') {
            const next = item(id++, each.droppable, each.bytes)
            try {
              buffer.add(next)
              added++
              newest = next
            } catch (error) {
              expect(error).toMatchObject({ code: 'BUFFER_FULL' })
              expect(next.droppable).toBe(false)
            }
          } else if (each.do === 'remove') {
            if (newest !== undefined && buffer.remove(newest)) left++
          } else {
            const [shifted] = buffer.drain()
            if (shifted === undefined) continue
            left++
            expect(shifted.id).toBeGreaterThan(last)
            last = shifted.id
          }
          expect(buffer.size).toBeLessThanOrEqual(maxMessages)
          expect(buffer.bytes).toBeLessThanOrEqual(20)
          expect(buffer.size).toBe(added - left - dropped())
        }
      }),
    )
  })
})
