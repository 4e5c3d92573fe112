import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff, RECONNECT } from '../../src/connection/backoff.ts'

describe('the delay between attempts', () => {
  it('doubles from the first to the most', () => {
    const delays = [1, 2, 3, 4, 5, 6, 5000].map(failures => backoff(failures, RECONNECT, () => 0.5))
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000, 1000])
  })

  it('differs by a fifth either way, and is never more than the most', () => {
    expect(backoff(1, RECONNECT, () => 0)).toBe(80)
    expect(backoff(1, RECONNECT, () => 1)).toBe(120)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), failures => {
        const delay = backoff(failures, RECONNECT)
        expect(delay).toBeGreaterThanOrEqual(80)
        expect(delay).toBeLessThanOrEqual(1000)
      }),
    )
  })
})
