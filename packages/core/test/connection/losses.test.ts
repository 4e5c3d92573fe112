import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Losses } from '../../src/connection/losses.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('losses', () => {
  it('are told at once, and then once a second, and none is forgotten', () => {
    const told: Array<readonly [number, string]> = []
    const losses = new Losses((count, reason) => told.push([count, reason]))
    losses.add('full')
    expect(told).toEqual([[1, 'full']])
    for (let i = 0; i < 9; i++) losses.add('full')
    losses.add('expired')
    expect(told).toHaveLength(1)
    vi.advanceTimersByTime(1000)
    expect(told.slice(1)).toEqual([
      [9, 'full'],
      [1, 'expired'],
    ])
    losses.add('full')
    losses.add('full')
    losses.flush()
    expect(told.slice(3)).toEqual([
      [1, 'full'],
      [1, 'full'],
    ])
    expect(vi.getTimerCount()).toBe(0)
    losses.flush()
    expect(told).toHaveLength(5)
  })
})
