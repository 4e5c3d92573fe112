import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GoalPolicy } from '../../src/actions/goal-board.ts'
import { World } from './goal-world.ts'

const RUNS = 26_000

/** What a random run came across, so that a run that tests nothing is seen. */
const seen = { goals: 0, ends: new Map<number, number>(), clientEnds: 0, feedback: 0 }

describe('goals, in any order of events,', () => {
  test.each<{ policy: GoalPolicy; limit: number }>([
    { policy: 'reject', limit: 1 },
    { policy: 'queue', limit: 2 },
    { policy: 'preempt', limit: 1 },
    { policy: 'parallel', limit: 3 },
  ])('keep the rules of $policy', { timeout: 60_000 }, ({ policy, limit }) => {
    const commands = fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 40, size: 'max' })
    const property = fc.property(commands, codes => {
      const world = new World({ policy, limit, maxQueued: 3, retainTime: 20, retainCount: 4 })
      try {
        for (const code of codes) world.command(code)
        world.finish()
      } catch (error) {
        throw new Error(`${error}\n${world.log.map(entry => JSON.stringify(entry)).join('\n')}`, { cause: error })
      }
      seen.goals += world.histories.size
      for (const { status } of world.histories.values()) seen.ends.set(status, (seen.ends.get(status) ?? 0) + 1)
      for (const client of world.clients) {
        seen.clientEnds += client.ends
        seen.feedback += client.feedback.length
      }
    })
    fc.assert(property, { numRuns: RUNS })
  })

  test('come across every end', () => {
    expect([...seen.ends.keys()].sort()).toEqual([4, 5, 6])
    expect(Math.min(...seen.ends.values())).toBeGreaterThan(1000)
    expect(seen.goals).toBeGreaterThan(100_000)
    expect(seen.clientEnds).toBeGreaterThan(100_000)
    expect(seen.feedback).toBeGreaterThan(1000)
  })
})
