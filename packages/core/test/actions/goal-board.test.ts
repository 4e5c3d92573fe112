import { describe, expect, test } from 'vitest'
import {
  type Board,
  type BoardEvent,
  type BoardOptions,
  emptyBoard,
  findGoal,
  reduce,
} from '../../src/actions/goal-board.ts'
import { GoalStatus } from '../../src/actions/goal-machine.ts'

type Untimed = BoardEvent extends infer Event ? (Event extends unknown ? Omit<Event, 'now'> : never) : never

/** Plays events and gives the effects of the last one in short: `status a 2`. */
function play(
  options: Partial<BoardOptions>,
  ...events: Array<Untimed & { now?: number }>
): { board: Board; last: string[] } {
  const defaults = { policy: 'reject', limit: 1, maxQueued: 2, retainTime: 100, retainCount: 2 } as const
  let board = emptyBoard({ ...defaults, ...options })
  let last: string[] = []
  for (const event of events) {
    const step = reduce(board, { now: 0, ...event } as BoardEvent)
    board = step.board
    last = step.effects.map(effect => {
      if (effect.type === 'status') return `status ${effect.id} ${effect.status}`
      if (effect.type === 'ended') return `ended ${effect.goal.id}`
      return `${effect.type} ${'id' in effect ? effect.id : effect.error}`
    })
  }
  return { board, last }
}

const send = (id: string) => ({ type: 'send', id }) as const
const start = (id: string) => ({ type: 'start', id }) as const
const cancel = (id: string) => ({ type: 'cancel', id }) as const
const returned = (id: string, now = 0) => ({ type: 'returned', id, result: { by: id }, now }) as const

const ended = (board: Board) => [...board.ended.all.keys()]

describe('a service of goals', () => {
  test('accepts a goal, gives it a place, and runs it', () => {
    expect(play({}, send('a')).last).toEqual(['accepted a', 'status a 1', 'ready a'])
    expect(play({}, send('a'), start('a')).last).toEqual(['status a 2', 'run a'])
    expect(play({}, send('a'), start('a'), returned('a')).last).toEqual(['status a 4', 'ended a'])
  })

  test('starts a goal once', () => {
    expect(play({}, send('a'), start('a'), start('a')).last).toEqual([])
  })

  test('refuses a second goal in the words of commlib-py', () => {
    expect(play({}, send('a'), send('b')).last).toEqual(['refused Cannot make the transition - Goal a is running!'])
  })

  test('takes a repeated send for the same goal and tells where that stands', () => {
    expect(play({}, send('a'), start('a'), send('a')).last).toEqual(['accepted a', 'status a 2'])
    expect(play({}, send('a'), start('a'), returned('a'), send('a')).last).toEqual(['accepted a', 'status a 4'])
  })

  test('cancels a running goal when its handler has settled', () => {
    const { last } = play({}, send('a'), start('a'), cancel('a'))
    expect(last).toEqual(['status a 3', 'abort a'])
    const { board, last: end } = play({}, send('a'), start('a'), cancel('a'), returned('a'))
    expect(end).toEqual(['status a 6', 'ended a'])
    expect(findGoal(board, 'a', 0)).toMatchObject({ status: GoalStatus.CANCELED, result: { by: 'a' } })
  })

  test('cancels a goal that waits without running it', () => {
    const { last } = play({ policy: 'queue' }, send('a'), send('b'), cancel('b'))
    expect(last).toEqual(['status b 3', 'status b 6', 'ended b'])
  })

  test('keeps what has just ended for its client, whatever the number', () => {
    const goals = ['a', 'b', 'c', 'd'].flatMap(id => [send(id), start(id), returned(id)])
    const { board } = play({ retainCount: 1, fetchTime: 50 }, ...goals, { type: 'tick', now: 49 })
    expect(ended(board)).toEqual(['a', 'b', 'c', 'd'])
    const later = play({ retainCount: 1, fetchTime: 50 }, ...goals, { type: 'tick', now: 50 })
    expect(ended(later.board)).toEqual(['d'])
    const short = play({ retainTime: 20, fetchTime: 50 }, ...goals, { type: 'tick', now: 20 })
    expect(ended(short.board)).toEqual([])
  })

  test('does not cancel what is over or unknown', () => {
    expect(play({}, cancel('x')).last).toEqual(["refused no such goal: 'x'"])
    expect(play({}, send('a'), start('a'), returned('a'), cancel('a')).last).toEqual(['refused goal a is over'])
  })

  test('discards the late result of a handler whose grace is over', () => {
    const overdue = { type: 'overdue', id: 'a' } as const
    const { board } = play({}, send('a'), start('a'), cancel('a'), overdue, returned('a'))
    expect(findGoal(board, 'a', 0)).toMatchObject({ status: GoalStatus.CANCELED })
    expect(findGoal(board, 'a', 0)?.result).toBeUndefined()
  })

  test('aborts a goal whose handler fails while it is being canceled', () => {
    const error = { name: 'TypeError', message: 'no arm' }
    const failed = { type: 'threw', id: 'a', error, aborted: false } as const
    const { board } = play({}, send('a'), start('a'), cancel('a'), failed)
    expect(findGoal(board, 'a', 0)).toMatchObject({ status: GoalStatus.ABORTED, error })
  })

  test('lets goals wait, in order, up to a number', () => {
    const queue = [send('a'), send('b'), send('c')]
    expect(play({ policy: 'queue' }, ...queue, send('d')).last).toEqual(['refused 2 goals are waiting already'])
    expect(play({ policy: 'queue' }, ...queue, start('a'), returned('a')).last).toEqual([
      'status a 4',
      'ended a',
      'ready b',
    ])
  })

  test('preempts for the newest goal, and drops who waited for the same place', () => {
    const { last, board } = play({ policy: 'preempt' }, send('a'), start('a'), send('b'))
    expect(last).toEqual(['accepted b', 'status b 1', 'status a 3', 'abort a'])
    expect(board.running).toEqual(['a'])
    const third = play({ policy: 'preempt' }, send('a'), start('a'), send('b'), send('c'))
    expect(third.last).toEqual(['accepted c', 'status c 1', 'status b 3', 'status b 6', 'ended b'])
    const gone = play({ policy: 'preempt' }, send('a'), start('a'), send('b'), send('c'), returned('a'))
    expect(gone.last).toEqual(['status a 6', 'ended a', 'ready c'])
  })

  test('preempts nobody else while somebody is on its way out', () => {
    const two = [send('a'), start('a'), send('b'), start('b'), cancel('b')]
    const { last } = play({ policy: 'preempt', limit: 2 }, ...two, send('c'))
    expect(last).toEqual(['accepted c', 'status c 1'])
    const next = play({ policy: 'preempt', limit: 2 }, ...two, send('c'), returned('b'))
    expect(next.last).toEqual(['status b 6', 'ended b', 'ready c'])
  })

  test('runs several goals side by side, up to a limit', () => {
    const { last, board } = play({ policy: 'parallel', limit: 2 }, send('a'), send('b'), send('c'))
    expect(board.running).toEqual(['a', 'b'])
    expect(last).toEqual(['refused Cannot make the transition - Goal a is running!'])
  })

  test('keeps results for a time and a number', () => {
    const one = [send('a'), start('a'), returned('a', 0)]
    expect(findGoal(play({}, ...one).board, 'a', 99)?.result).toEqual({ by: 'a' })
    expect(findGoal(play({}, ...one).board, 'a', 100)).toBeUndefined()
    const more = ['b', 'c'].flatMap(id => [send(id), start(id), returned(id)])
    const { board } = play({}, ...one, ...more)
    expect(ended(board)).toEqual(['b', 'c'])
  })

  test('finds the current goal as ""', () => {
    expect(findGoal(play({}).board, '', 0)).toBeUndefined()
    expect(findGoal(play({ policy: 'queue' }, send('a'), send('b')).board, '', 0)?.id).toBe('a')
    expect(findGoal(play({}, send('a'), start('a'), returned('a')).board, '', 0)?.id).toBe('a')
  })

  test('closes: takes nothing more, gives up what waits and aborts what runs', () => {
    const close = { type: 'close', drain: false } as const
    const { last, board } = play({ policy: 'queue' }, send('a'), start('a'), send('b'), close)
    expect(last).toEqual(['status b 5', 'ended b', 'abort a'])
    expect(reduce(board, { ...send('c'), now: 0 }).effects).toEqual([
      { type: 'refused', error: 'the service is closing' },
    ])
    const threw = { type: 'threw', id: 'a', error: { name: 'Error', message: '' }, aborted: true, now: 0 } as const
    expect(findGoal(reduce(board, threw).board, 'a', 0)).toMatchObject({
      status: GoalStatus.ABORTED,
      error: { code: 'CLOSED' },
    })
  })

  test('drains: what runs may finish', () => {
    const close = { type: 'close', drain: true } as const
    expect(play({}, send('a'), start('a'), close).last).toEqual([])
    expect(play({}, send('a'), start('a'), close, returned('a')).last).toEqual(['status a 4', 'ended a'])
  })
})
