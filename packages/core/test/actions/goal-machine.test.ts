import { describe, expect, test } from 'vitest'
import {
  accept,
  advance,
  type Goal,
  type GoalEvent,
  isFinal,
  statusName,
  toGoalStatus,
} from '../../src/actions/goal-machine.ts'

const events: Record<string, GoalEvent> = {
  start: { type: 'start' },
  cancel: { type: 'stop', reason: 'cancel' },
  close: { type: 'stop', reason: 'close' },
  returned: { type: 'returned', result: 1 },
  threw: { type: 'threw', error: { name: 'Error', message: 'm' }, aborted: false },
  aborted: { type: 'threw', error: { name: 'AbortError', message: 'm' }, aborted: true },
  overdue: { type: 'overdue' },
}

const goals: Record<string, Goal> = {
  accepted: accept('a'),
  executing: { id: 'a', status: 2 },
  closing: { id: 'a', status: 2, reason: 'close' },
  canceling: { id: 'a', status: 3, reason: 'cancel' },
  over: { id: 'a', status: 4 },
}

describe('a goal', () => {
  // One row a state, one column an event: the status that follows.
  test.each([
    ['accepted', { start: 2, cancel: 3, close: 5, returned: 1, threw: 1, aborted: 1, overdue: 1 }],
    ['executing', { start: 2, cancel: 3, close: 2, returned: 4, threw: 5, aborted: 5, overdue: 2 }],
    ['closing', { start: 2, cancel: 3, close: 2, returned: 5, threw: 5, aborted: 5, overdue: 5 }],
    ['canceling', { start: 3, cancel: 3, close: 3, returned: 6, threw: 5, aborted: 6, overdue: 6 }],
    ['over', { start: 4, cancel: 4, close: 4, returned: 4, threw: 4, aborted: 4, overdue: 4 }],
  ])('that is %s goes where the table says', (state, table) => {
    const goal = goals[state] as Goal
    const next = Object.entries(events).map(([name, event]) => [name, advance(goal, event).status])
    expect(Object.fromEntries(next)).toEqual(table)
  })

  test('keeps the first reason it was stopped for', () => {
    const preempted: Goal = { id: 'a', status: 3, reason: 'preempt' }
    expect(advance(preempted, { type: 'stop', reason: 'cancel' })).toBe(preempted)
    expect(advance(preempted, { type: 'stop', reason: 'close' })).toBe(preempted)
  })

  test('keeps the result it returned while it was stopped', () => {
    expect(advance({ id: 'a', status: 3, reason: 'preempt' }, { type: 'returned', result: 1 })).toEqual({
      id: 'a',
      status: 6,
      reason: 'preempt',
      result: 1,
      error: { name: 'CommlibError', code: 'GOAL_CANCELED', message: 'preempted by a newer goal' },
    })
  })
})

test('a status is a number that has a name', () => {
  expect([0, 1, 4, 6, 7, '4', '-1', null].map(toGoalStatus)).toEqual([0, 1, 4, 6, ...Array(4).fill(undefined)])
  expect(statusName(2)).toBe('EXECUTING')
  expect(([0, 1, 2, 3, 4, 5, 6] as const).filter(isFinal)).toEqual([4, 5, 6])
})
