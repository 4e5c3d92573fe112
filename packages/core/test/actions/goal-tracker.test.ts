import { describe, expect, test } from 'vitest'
import { newTracker, type TrackerEffect, type TrackerEvent, track } from '../../src/actions/goal-tracker.ts'

/** Plays events to the client of goal `mine` and gives all effects. */
function play(...events: TrackerEvent[]): TrackerEffect[] {
  let tracker = newTracker('mine')
  return events.flatMap(event => {
    const step = track(tracker, event)
    tracker = step.tracker
    return step.effects
  })
}

const accepted = (id = 'mine') => ({ type: 'accepted', id }) as const
const status = (status: 0 | 1 | 2 | 3 | 4 | 5 | 6, id = 'mine') => ({ type: 'status', id, status }) as const
const feedback = (feedback: number, id = 'mine') => ({ type: 'feedback', id, feedback }) as const
const silence = { type: 'silence' } as const

describe('the client of a goal', () => {
  test('follows it to its end', () => {
    const result = { type: 'result', status: 4, result: 7 } as const
    expect(play(accepted(), status(1), status(2), feedback(1), status(4), result)).toEqual([
      { type: 'status', status: 1 },
      { type: 'status', status: 2 },
      { type: 'feedback', feedback: 1 },
      { type: 'fetch' },
      { type: 'status', status: 4 },
      { type: 'end', end: { status: 4, result: 7, error: undefined } },
    ])
  })

  test('replays what overtook the answer with the id of the service', () => {
    const early = [status(2, 'theirs'), feedback(1, 'theirs'), feedback(9, 'foreign'), status(4, 'theirs')]
    expect(play(...early, accepted('theirs'))).toEqual([
      { type: 'status', status: 2 },
      { type: 'feedback', feedback: 1 },
      { type: 'fetch' },
    ])
  })

  test('forgets what it has replayed', () => {
    const { tracker } = track(track(newTracker('mine'), feedback(1, 'theirs')).tracker, accepted('theirs'))
    expect(tracker.early).toEqual([])
  })

  test('keeps the newest of what overtakes the answer, and no more than 256 messages', () => {
    const early = Array.from({ length: 300 }, (_, index) => feedback(index, 'theirs'))
    const effects = play(...early, accepted('theirs')).filter(effect => effect.type === 'feedback')
    expect(effects).toHaveLength(256)
    expect(effects.at(-1)).toEqual({ type: 'feedback', feedback: 299 })
  })

  test('ignores other goals, duplicates and statuses that lead backwards', () => {
    const noise = [status(5, 'foreign'), feedback(1, 'foreign'), status(2), status(1), status(3), status(2), accepted()]
    expect(play(accepted(), status(3), ...noise)).toEqual([
      { type: 'status', status: 1 },
      { type: 'status', status: 3 },
    ])
  })

  test('asks for the result once and ends once', () => {
    const result = { type: 'result', status: 6 } as const
    const effects = play(accepted(), status(6), status(6), status(4), result, result, status(4), feedback(1))
    expect(effects.filter(effect => effect.type === 'fetch')).toHaveLength(1)
    expect(effects.filter(effect => effect.type === 'end')).toHaveLength(1)
  })

  test('ends by the answer alone, when every status was lost', () => {
    expect(play(accepted(), { type: 'result', status: 4, result: 1 }).at(-1)).toMatchObject({ type: 'end' })
  })

  test('learns the status from an answer that is not final', () => {
    expect(play(accepted(), { type: 'result', status: 2 }).at(-1)).toEqual({ type: 'status', status: 2 })
  })

  test('is aborted when the service no longer knows its goal', () => {
    expect(play(accepted(), status(2), { type: 'result', status: 0 }).at(-1)).toMatchObject({
      end: { status: 5, error: { code: 'GOAL_UNKNOWN' } },
    })
  })

  test('is not ended by silence while the goal runs', () => {
    expect(play(accepted(), status(2), ...Array(10).fill(silence)).at(-1)).toEqual({ type: 'status', status: 2 })
  })

  test('does not wait for ever for the result of a goal that is over', () => {
    expect(play(accepted(), status(4), silence, silence).at(-1)).toEqual({ type: 'fetch' })
    expect(play(accepted(), status(4), silence, silence, silence).at(-1)).toMatchObject({
      end: { status: 5, error: { code: 'TIMEOUT' } },
    })
    expect(play(accepted(), status(6), silence, silence, silence).at(-1)).toMatchObject({ end: { status: 6 } })
  })
})
