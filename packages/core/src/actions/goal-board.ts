import { show } from '../util/options.ts'
import { accept, advance, type Goal, type GoalEvent, GoalStatus, isFinal, type StopReason } from './goal-machine.ts'
import { type KeepOptions, KeptGoals } from './kept-goals.ts'

/**
 * What becomes of a goal that arrives while as many run as may: it is refused (`reject`, and `parallel` beyond its
 * limit), it waits for its turn (`queue`), or it takes the place of the oldest one, which is canceled (`preempt`).
 */
export type GoalPolicy = 'reject' | 'queue' | 'preempt' | 'parallel'

export interface BoardOptions extends KeepOptions {
  readonly policy: GoalPolicy

  /** Goals that run at the same time. */
  readonly limit: number

  /** Goals that wait at the same time, under the policy `queue`. */
  readonly maxQueued: number
}

/** All goals of one service: a value, changed by {@link reduce} only, but for those that are over. */
export interface Board {
  readonly options: BoardOptions

  /** Those that wait or run. */
  readonly goals: ReadonlyMap<string, Goal>

  /** Those that hold one of the places, in order of their start. */
  readonly running: readonly string[]
  readonly queued: readonly string[]

  /** Those that are over. */
  readonly ended: KeptGoals

  /** The goal that was last given a place, asked for as `""` by commlib-py. */
  readonly current: string
  readonly closing: boolean
}

/** What happens to a service. `now` is in milliseconds of any clock that never goes back. */
export type BoardEvent = { readonly now: number } & (
  | { readonly type: 'send'; readonly id: string }
  | { readonly type: 'cancel'; readonly id: string }
  | ({ readonly id: string } & Exclude<GoalEvent, { type: 'stop' }>)
  /** Takes no goal any more and gives up those that wait, and, unless it drains, those that run. */
  | { readonly type: 'close'; readonly drain: boolean }
  /** Time has passed. */
  | { readonly type: 'tick' }
)

/** What is to be done about it, in this order. */
export type BoardEffect =
  | { readonly type: 'accepted'; readonly id: string }
  | { readonly type: 'status'; readonly id: string; readonly status: GoalStatus }
  /** It has a place: send the event `start` as soon as the client knows of it. */
  | { readonly type: 'ready'; readonly id: string }
  | { readonly type: 'run'; readonly id: string }
  /** Abort its signal; send the event `overdue` if its handler has not settled within the grace. */
  | { readonly type: 'abort'; readonly id: string; readonly reason: StopReason }
  /** It takes no such goal, or there is none to cancel. */
  | { readonly type: 'refused'; readonly error: string }
  | { readonly type: 'ended'; readonly goal: Goal }

type Draft = { -readonly [Key in keyof Board]: Board[Key] } & {
  goals: Map<string, Goal>
  running: string[]
  queued: string[]
  effects: BoardEffect[]
  readonly now: number
}

export function emptyBoard(options: BoardOptions): Board {
  return {
    options,
    goals: new Map(),
    running: [],
    queued: [],
    ended: new KeptGoals(options),
    current: '',
    closing: false,
  }
}

/** Finds a goal, or what is kept of it; the current one as `""`. */
export function findGoal(board: Board, id: string, now: number): Goal | undefined {
  const wanted = id === '' ? board.current : id
  return board.goals.get(wanted) ?? board.ended.get(wanted, now)
}

/** The next state of a service, and what is to be done about it. */
export function reduce(board: Board, event: BoardEvent): { board: Board; effects: readonly BoardEffect[] } {
  const draft: Draft = {
    ...board,
    goals: new Map(board.goals),
    running: [...board.running],
    queued: [...board.queued],
    effects: [],
    now: event.now,
  }
  draft.ended.forget(event.now)
  switch (event.type) {
    case 'send':
      send(draft, event.id)
      break
    case 'cancel':
      cancel(draft, event.id)
      break
    case 'close':
      close(draft, event.drain)
      break
    case 'tick':
      break
    default:
      move(draft, event.id, event)
      if (event.type === 'start' && draft.effects.length > 0) draft.effects.push({ type: 'run', id: event.id })
  }
  fill(draft)
  const { effects, now: _, ...next } = draft
  return { board: next, effects }
}

function send(draft: Draft, id: string): void {
  const known = findGoal(draft, id, draft.now)
  if (known !== undefined) {
    // The client did not hear of it the first time: it is told again where its goal stands.
    draft.effects.push({ type: 'accepted', id }, { type: 'status', id, status: known.status })
    return
  }
  const error = refusal(draft)
  if (error !== undefined) {
    draft.effects.push({ type: 'refused', error })
    return
  }
  draft.goals.set(id, accept(id))
  draft.effects.push({ type: 'accepted', id }, { type: 'status', id, status: GoalStatus.ACCEPTED })
  if (draft.options.policy === 'preempt' && draft.running.length >= draft.options.limit) preempt(draft)
  draft.queued.push(id)
}

function refusal({ options, running, queued, closing }: Draft): string | undefined {
  if (closing) return 'the service is closing'
  if (running.length < options.limit || options.policy === 'preempt') return undefined
  // commlib-py's words for the same case.
  if (options.policy !== 'queue') return `Cannot make the transition - Goal ${running[0]} is running!`
  return queued.length < options.maxQueued ? undefined : `${queued.length} goals are waiting already`
}

/** Makes room for one goal: nobody waits but the newest one, and the oldest that runs is on its way out. */
function preempt(draft: Draft): void {
  for (const id of draft.queued) stop(draft, id, 'preempt')
  const leaving = draft.running.some(id => draft.goals.get(id)?.reason !== undefined)
  const oldest = draft.running[0]
  if (!leaving && oldest !== undefined) stop(draft, oldest, 'preempt')
}

function cancel(draft: Draft, id: string): void {
  if (draft.goals.has(id)) stop(draft, id, 'cancel')
  else {
    const over = draft.ended.get(id, draft.now) !== undefined
    draft.effects.push({ type: 'refused', error: over ? `goal ${id} is over` : `no such goal: ${show(id)}` })
  }
}

function close(draft: Draft, drain: boolean): void {
  draft.closing = true
  for (const id of [...draft.queued]) stop(draft, id, 'close')
  if (!drain) for (const id of [...draft.running]) stop(draft, id, 'close')
}

function stop(draft: Draft, id: string, reason: StopReason): void {
  const before = draft.goals.get(id)
  move(draft, id, { type: 'stop', reason })
  const after = draft.goals.get(id)
  if (after === undefined || after === before) return
  if (before?.status === GoalStatus.ACCEPTED) move(draft, id, { type: 'overdue' })
  else if (before?.reason === undefined) draft.effects.push({ type: 'abort', id, reason })
}

function move(draft: Draft, id: string, event: GoalEvent): void {
  const before = draft.goals.get(id)
  if (before === undefined || (event.type === 'start' && !draft.running.includes(id))) return
  const after = advance(before, event)
  draft.goals.set(id, after)
  if (after.status === before.status) return
  draft.effects.push({ type: 'status', id, status: after.status })
  if (!isFinal(after.status)) return
  draft.running = draft.running.filter(running => running !== id)
  draft.queued = draft.queued.filter(queued => queued !== id)
  draft.goals.delete(id)
  draft.ended.add(after, draft.now)
  draft.effects.push({ type: 'ended', goal: after })
}

function fill(draft: Draft): void {
  while (draft.running.length < draft.options.limit) {
    const id = draft.queued.shift()
    if (id === undefined) return
    draft.running.push(id)
    draft.current = id
    draft.effects.push({ type: 'ready', id })
  }
}
