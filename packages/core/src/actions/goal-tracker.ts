import type { RemoteFailure } from '../errors.ts'
import { type FinalGoalStatus, GoalStatus, isFinal, statusName } from './goal-machine.ts'

/** Messages of goals not known yet that are kept until the service has told its goal's id. */
const MAX_EARLY = 256

/** Requests for the result that may stay unanswered once the goal is known to be over. */
const MAX_SILENT = 3

/** How a goal ended, as its client sees it. */
export interface GoalEnd {
  readonly status: FinalGoalStatus
  readonly result?: unknown
  readonly error?: RemoteFailure | undefined
}

/** One goal, as its client sees it: a value, changed by {@link track} only. */
export interface Tracker {
  /** The client's proposal, until the service has answered. */
  readonly id: string
  readonly accepted: boolean

  /** Never final before the result is there, so that the end is told once and whole. */
  readonly status: GoalStatus

  /** How the goal ended, as far as its service has announced it. */
  readonly announced?: FinalGoalStatus | undefined
  readonly early: readonly GoalMessage[]
  readonly silent: number
  readonly end?: GoalEnd | undefined
}

/** What the service publishes. */
export type GoalMessage =
  | { readonly type: 'status'; readonly id: string; readonly status: GoalStatus }
  | { readonly type: 'feedback'; readonly id: string; readonly feedback: unknown }

/** What a client hears of its goal. */
export type TrackerEvent =
  | GoalMessage
  /** The service has taken the goal, under an id that may be its own. */
  | { readonly type: 'accepted'; readonly id: string }
  /** The service's answer to a request for the result. `NONE`: it knows no such goal. */
  | {
      readonly type: 'result'
      readonly status: GoalStatus
      readonly result?: unknown
      readonly error?: RemoteFailure | undefined
    }
  /** A request for the result was not answered, or with nothing. */
  | { readonly type: 'silence' }
  /** The broker says that nobody serves the action, and has for too long. */
  | { readonly type: 'gone' }

/** What is to be done about it, in this order. */
export type TrackerEffect =
  | { readonly type: 'status'; readonly status: GoalStatus }
  | { readonly type: 'feedback'; readonly feedback: unknown }
  /** The goal is over: ask for its result. */
  | { readonly type: 'fetch' }
  | { readonly type: 'end'; readonly end: GoalEnd }

interface Step {
  readonly tracker: Tracker
  readonly effects: readonly TrackerEffect[]
}

/** A goal about to be sent, with the id that its client proposes. */
export function newTracker(id: string): Tracker {
  return { id, accepted: false, status: GoalStatus.NONE, early: [], silent: 0 }
}

/**
 * The next view of a goal. Duplicates, statuses that lead backwards, and what belongs to other goals change nothing;
 * what overtakes the answer with the goal's id is kept, and replayed when that arrives.
 */
export function track(tracker: Tracker, event: TrackerEvent): Step {
  if (tracker.end !== undefined) return still(tracker)
  switch (event.type) {
    case 'status':
    case 'feedback':
      return hear(tracker, event)
    case 'accepted':
      return settle(tracker, event.id)
    case 'result':
      return judge(tracker, event)
    case 'silence':
      return silence(tracker)
    case 'gone':
      return finish(tracker, aborted('NO_SERVICE', `the service of goal ${tracker.id} is gone`))
  }
}

function hear(tracker: Tracker, message: GoalMessage): Step {
  if (message.id !== tracker.id) {
    if (tracker.accepted) return still(tracker)
    return still({ ...tracker, early: [...tracker.early, message].slice(-MAX_EARLY) })
  }
  if (message.type === 'feedback') return { tracker, effects: [{ type: 'feedback', feedback: message.feedback }] }
  const { status } = message
  if (tracker.announced !== undefined || status <= tracker.status) return still(tracker)
  if (isFinal(status)) return { tracker: { ...tracker, announced: status }, effects: [{ type: 'fetch' }] }
  return { tracker: { ...tracker, status }, effects: [{ type: 'status', status }] }
}

/** From now on the service's id holds. A commlib-py service ignores the proposed one. */
function settle(before: Tracker, id: string): Step {
  if (before.accepted) return still(before)
  const effects: TrackerEffect[] = []
  let tracker: Tracker = { ...before, id, accepted: true, early: [] }
  for (const message of before.early) {
    const step = hear(tracker, message)
    tracker = step.tracker
    effects.push(...step.effects)
  }
  if (tracker.status !== GoalStatus.NONE) return { tracker, effects }
  return { tracker: { ...tracker, status: GoalStatus.ACCEPTED }, effects: [...effects, status(GoalStatus.ACCEPTED)] }
}

function judge(tracker: Tracker, answer: Extract<TrackerEvent, { type: 'result' }>): Step {
  if (isFinal(answer.status)) {
    return finish(tracker, { status: answer.status, result: answer.result, error: answer.error })
  }
  if (answer.status === GoalStatus.NONE) {
    const heard = tracker.announced === undefined ? '' : ` after it ended as ${statusName(tracker.announced)}`
    return finish(tracker, aborted('GOAL_UNKNOWN', `the service no longer knows goal ${tracker.id}${heard}`))
  }
  // What was announced was not true, if its own service says otherwise: the end is still to be heard of.
  const { announced: _, ...open } = tracker
  return hear({ ...open, silent: 0 }, { type: 'status', id: tracker.id, status: answer.status })
}

function silence(tracker: Tracker): Step {
  // commlib-py answers nothing, or nothing useful, while a goal runs: that alone says nothing.
  if (tracker.announced === undefined) return still(tracker)
  const silent = tracker.silent + 1
  if (silent < MAX_SILENT) return still({ ...tracker, silent })
  if (tracker.announced !== GoalStatus.SUCCEEDED) return finish(tracker, { status: tracker.announced })
  return finish(tracker, aborted('TIMEOUT', `goal ${tracker.id} ended as SUCCEEDED, but its service gives no result`))
}

function finish(tracker: Tracker, end: GoalEnd): Step {
  return { tracker: { ...tracker, status: end.status, end }, effects: [status(end.status), { type: 'end', end }] }
}

function aborted(code: string, message: string): GoalEnd {
  return { status: GoalStatus.ABORTED, error: { name: 'CommlibError', code, message } }
}

function status(status: GoalStatus): TrackerEffect {
  return { type: 'status', status }
}

function still(tracker: Tracker): Step {
  return { tracker, effects: [] }
}
