import type { ErrorCode, RemoteFailure } from '../errors.ts'

/** Where a goal stands. The numbers are commlib-py's, which calls `EXECUTING` also `RUNNING`. */
export const GoalStatus = {
  /** The service knows no such goal. Never the status of a goal. */
  NONE: 0,
  /** Taken, and waiting for its turn. */
  ACCEPTED: 1,
  EXECUTING: 2,
  /** Told to stop, and not yet stopped. */
  CANCELING: 3,
  SUCCEEDED: 4,
  /** Failed, or given up by its service. */
  ABORTED: 5,
  CANCELED: 6,
} as const

export type GoalStatus = (typeof GoalStatus)[keyof typeof GoalStatus]

/** The statuses that a goal ends in: exactly one of them, and never another afterwards. */
export type FinalGoalStatus = typeof GoalStatus.SUCCEEDED | typeof GoalStatus.ABORTED | typeof GoalStatus.CANCELED

/** Tells whether a goal in this status is over. */
export function isFinal(status: GoalStatus): status is FinalGoalStatus {
  return status >= GoalStatus.SUCCEEDED
}

/** Makes a status out of what came over the wire; `undefined` if it is none. */
export function toGoalStatus(value: unknown): GoalStatus | undefined {
  return Object.values(GoalStatus).find(status => status === value)
}

/** The name of a status, for messages. */
export function statusName(status: GoalStatus): string {
  return Object.entries(GoalStatus).find(([, value]) => value === status)?.[0] ?? String(status)
}

/** Who wants a goal to stop: a client, a newer goal, or the service, which closes. */
export type StopReason = 'cancel' | 'preempt' | 'close'

/** One goal, as its service sees it. */
export interface Goal {
  readonly id: string
  readonly status: GoalStatus

  /** Why its signal was aborted, if it was. */
  readonly reason?: StopReason | undefined

  /** What the handler returned; a partial result where the goal was stopped. */
  readonly result?: unknown

  /** What the handler threw, or why the goal was stopped. */
  readonly error?: RemoteFailure | undefined
}

/** What can happen to one goal. */
export type GoalEvent =
  /** Its handler begins. */
  | { readonly type: 'start' }
  | { readonly type: 'stop'; readonly reason: StopReason }
  | { readonly type: 'returned'; readonly result: unknown }
  /** @param aborted it threw because its signal was aborted */
  | { readonly type: 'threw'; readonly error: RemoteFailure; readonly aborted: boolean }
  /** The grace after its signal was aborted is over, or there was no handler to wait for. */
  | { readonly type: 'overdue' }

/** What is said of a goal that was stopped, to its handler and to its client. */
export const WHY: Readonly<Record<StopReason, RemoteFailure & { readonly code: ErrorCode }>> = {
  cancel: { name: 'CommlibError', code: 'GOAL_CANCELED', message: 'canceled by a client' },
  preempt: { name: 'CommlibError', code: 'GOAL_CANCELED', message: 'preempted by a newer goal' },
  close: { name: 'CommlibError', code: 'CLOSED', message: 'the service closed before the goal was done' },
}

/** A goal that was just accepted. */
export function accept(id: string): Goal {
  return { id, status: GoalStatus.ACCEPTED }
}

/**
 * The next state of a goal. An event that has no place in its present state, such as the late result of a handler
 * whose grace is over, changes nothing: the very same goal is returned.
 *
 * ```
 * ACCEPTED ── start ──▶ EXECUTING ── returned ──▶ SUCCEEDED
 *     │                     ├── threw, or stopped because the service closes ──▶ ABORTED
 *     └────── cancel ───────┴──▶ CANCELING ── returned, threw its abort, overdue ──▶ CANCELED
 *                                    └─────── threw anything else ──▶ ABORTED
 * ```
 */
export function advance(goal: Goal, event: GoalEvent): Goal {
  if (isFinal(goal.status)) return goal
  const { ACCEPTED, EXECUTING, CANCELING, SUCCEEDED, ABORTED } = GoalStatus
  if (event.type === 'start') return goal.status === ACCEPTED ? { ...goal, status: EXECUTING } : goal
  if (event.type === 'stop') return stop(goal, event.reason)
  if (goal.status === ACCEPTED) return goal

  const why = goal.reason === undefined ? undefined : WHY[goal.reason]
  switch (event.type) {
    case 'returned':
      if (why === undefined) return { ...goal, status: SUCCEEDED, result: event.result }
      return { ...goal, status: stopped(goal), result: event.result, error: why }
    case 'threw':
      if (why === undefined || !event.aborted) return { ...goal, status: ABORTED, error: event.error }
      return { ...goal, status: stopped(goal), error: why }
    case 'overdue':
      return goal.status === CANCELING || why !== undefined ? { ...goal, status: stopped(goal), error: why } : goal
  }
}

function stop(goal: Goal, reason: StopReason): Goal {
  if (goal.status === GoalStatus.CANCELING) return goal
  if (reason !== 'close') return { ...goal, status: GoalStatus.CANCELING, reason }
  if (goal.status === GoalStatus.ACCEPTED) return { ...goal, status: GoalStatus.ABORTED, reason, error: WHY.close }
  return { ...goal, reason: goal.reason ?? reason }
}

/** Only a goal that was told so is canceled; one whose service closes was given up. */
function stopped(goal: Goal): FinalGoalStatus {
  return goal.status === GoalStatus.CANCELING ? GoalStatus.CANCELED : GoalStatus.ABORTED
}
