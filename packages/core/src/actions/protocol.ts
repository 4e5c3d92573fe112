import { invalidMessage, type Shape } from '../contracts/shape.ts'
import { rpcOf } from '../endpoints/rpc.ts'
import { topicOf } from '../endpoints/topic.ts'
import type { RemoteFailure } from '../errors.ts'
import { nanoseconds } from '../wire/profile.ts'
import { type Request, readFailure } from '../wire/wire.ts'
import { type GoalStatus, toGoalStatus } from './goal-machine.ts'
import type { GoalMessage } from './goal-tracker.ts'

export interface GoalRequest {
  readonly description: string
  readonly data: unknown
}

/** Whether a goal was taken. */
export interface GoalReply {
  /** Empty if it was not. */
  readonly id: string
  readonly error: string
}

/** Asks about a goal. */
export interface GoalQuery {
  readonly id: string
}

/** Whether a goal was canceled, or, as `status`, where it stands. */
export interface ResultReply<Status extends number> {
  /** `undefined` in the empty answer of a commlib-py service whose handler failed. */
  readonly status: Status | undefined
  readonly result?: unknown
  readonly error?: RemoteFailure | undefined
}

/** 1 if the goal was canceled. */
export type CancelStatus = 0 | 1

/** What a service says beside its answer, for it to be written as the client can read it. */
export interface Answer {
  readonly flavour: Request['flavour']
}

interface GoalCall {
  readonly requestIn: GoalRequest
  readonly requestOut: GoalRequest
  readonly responseIn: GoalReply & Answer
  readonly responseOut: GoalReply
}

interface ResultCall<Status extends number> {
  readonly requestIn: GoalQuery
  readonly requestOut: GoalQuery
  readonly responseIn: ResultReply<Status> & Answer
  readonly responseOut: ResultReply<Status>
}

/** What commlib-py's services tell, for people who watch. */
export interface Notice {
  readonly text: 'Set Goal Request' | 'Goal Started' | 'Goal Cancelled'
  readonly id?: string
  readonly status?: CancelStatus
  readonly goal?: unknown
  readonly description?: string
}

/**
 * Milliseconds that the answer has before the first status. A commlib-py client learns the goal's id from it, over another
 * connection, and is deaf to the goal before: it would wait in vain for the end of a quick one.
 */
export const HEAD_START = 100

/**
 * Milliseconds that a commlib-py service has to store the result of a goal that it has announced to be over. Asked
 * before, it gives the defaults of the result's type, which nobody can tell from a result.
 */
export const STORING = 100

/** Whether this can be a goal's id, which a client may choose. */
export function isGoalId(id: string): boolean {
  return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id)
}

/** The three calls and three topics that an action is made of. What they carry is checked by who knows its schema. */
export function actionProtocol(name: string) {
  return {
    sendGoal: rpcOf<GoalCall>(`${name}.send_goal`, { request: goalRequest, response: goalReply }),
    cancelGoal: rpcOf<ResultCall<CancelStatus>>(`${name}.cancel_goal`, { request: cancelQuery, response: cancelReply }),
    getResult: rpcOf<ResultCall<GoalStatus>>(`${name}.get_result`, { request: query, response: resultReply }),
    status: topicOf<GoalMessage, GoalMessage, string>(`${name}.status`, statusMessage),
    feedback: topicOf<GoalMessage, GoalMessage, string>(`${name}.feedback`, feedbackMessage),
    notify: topicOf<Notice, unknown, string>(`${name}.notify`, notice),
  }
}

// Shapes by hand: nothing of what commlib itself says needs a validator. They are tolerant, since commlib-py's versions
// differ: numbers may come as strings, and what has a default over there may be missing.

const goalRequest = shape<GoalRequest>(
  ({ description, data }) => ({ description, goal_data: data }),
  ({ description, goal_data }) => ({ description: text(description), data: goal_data ?? {} }),
)

const goalReply = shape<GoalReply & Answer, GoalReply>(
  ({ id, error, flavour }) => ({
    status: id === '' ? 0 : 1,
    timestamp: now(),
    goal_id: id,
    ...errorField(flavour, error),
  }),
  ({ goal_id, error }) => ({ id: text(goal_id), error: text(error) }),
)

const query = shape<GoalQuery>(
  ({ id }) => ({ goal_id: id }),
  ({ goal_id }) => ({ id: text(goal_id) }),
)

const cancelQuery: Shape = shape<GoalQuery>(
  ({ id }) => ({ goal_id: id, timestamp: now() }),
  ({ goal_id }) => ({ id: text(goal_id) }),
)

const cancelReply = resultShape<CancelStatus>(value => (value === 0 || value === 1 ? value : undefined))

const resultReply = resultShape(toGoalStatus)

const statusMessage = shape<Extract<GoalMessage, { type: 'status' }>, GoalMessage>(
  ({ id, status }) => ({ goal_id: id, status }),
  ({ goal_id, status }) => {
    const known = toGoalStatus(integer(status))
    if (known === undefined) throw invalidMessage('/status', `is no status of a goal: ${String(status)}`)
    return { type: 'status', id: text(goal_id), status: known }
  },
)

const feedbackMessage = shape<Extract<GoalMessage, { type: 'feedback' }>, GoalMessage>(
  ({ id, feedback }) => ({ feedback_data: feedback, goal_id: id }),
  ({ goal_id, feedback_data }) => ({ type: 'feedback', id: text(goal_id), feedback: feedback_data ?? {} }),
)

const notice = shape<Notice, unknown>(
  ({ text: msg, status = 0, id = '', goal = {}, description = '' }) => ({
    msg,
    status,
    goal_id: id,
    goal_data: goal,
    goal_description: description,
  }),
  fields => fields,
)

function resultShape<Status extends number>(toStatus: (value: unknown) => Status | undefined): Shape {
  return shape<ResultReply<Status> & Answer, ResultReply<Status>>(
    ({ status = 0, result = {}, error, flavour }) => ({
      status,
      timestamp: now(),
      result,
      ...errorField(flavour, error?.message ?? ''),
      // commlib-py from 0.6.4 on ignores what it does not know.
      ...(error === undefined || isStrict(flavour) ? {} : { failure: error }),
    }),
    ({ status, result, error, failure }) => ({
      status: toStatus(integer(status)),
      result: result ?? {},
      error: readFailure(failure ?? (text(error) || undefined)),
    }),
  )
}

/** commlib-py 0.6 refuses a message with a field that it does not know; on AMQP the node's wire tells, not the request. */
function isStrict(flavour: Request['flavour']): boolean {
  return flavour === '0.6' || flavour === 'bare 0.6'
}

function errorField(flavour: Request['flavour'], error: string): { error?: string } {
  return isStrict(flavour) || (flavour === 'bare' && error === '') ? {} : { error }
}

function shape<In, Out = In>(
  outgoing: (value: In) => unknown,
  incoming: (fields: Record<string, unknown>) => Out,
): Shape {
  // Only this module's contracts hold these shapes, so what goes out is what they say.
  return { outgoing: value => outgoing(value as In), incoming: value => incoming(record(value)) }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** commlib-py up to 0.13.1 writes negative integers as strings. */
function integer(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
}

function now(): number {
  return nanoseconds(Date.now())
}
