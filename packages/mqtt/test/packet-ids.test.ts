import { describe, expect, it } from 'vitest'
import { PacketIds } from '../src/packet-ids.ts'

describe('packet identifiers', () => {
  it('are never used twice at a time, and all are used', () => {
    const ids = new PacketIds()
    const all = Array.from({ length: 65_535 }, () => ids.allocate())
    expect(new Set(all).size).toBe(65_535)
    expect(Math.min(...all.map(Number))).toBe(1)
    expect(Math.max(...all.map(Number))).toBe(65_535)
    expect(ids.allocate()).toBeNull()
    ids.deallocate(77)
    expect(ids.register(78)).toBe(false)
    expect(ids.allocate()).toBe(77)
    expect(ids.getLastAllocated()).toBe(77)
  })
})
