import { CommlibError, RemoteError, type RemoteFailure } from '../errors.ts'
import { GoalStatus } from './goal-machine.ts'

/**
 * A goal did not succeed: `GOAL_CANCELED` or `GOAL_ABORTED`. What its handler threw, or why its service gave it up, is
 * the `cause`.
 */
export class GoalError<Result = unknown> extends CommlibError {
  override name = 'GoalError'

  /** The partial result, if the handler left one. */
  readonly result: Result | undefined

  constructor(code: 'GOAL_ABORTED' | 'GOAL_CANCELED', message: string, options: GoalErrorOptions<Result> = {}) {
    super(code, message, options)
    this.result = options.result
  }
}

interface GoalErrorOptions<Result> extends ErrorOptions {
  readonly result?: Result | undefined
}

/** How a goal ended: with a result, or with an error and perhaps a partial result. */
export type GoalOutcome<Result> =
  | { readonly status: typeof GoalStatus.SUCCEEDED; readonly result: Result; readonly error?: undefined }
  | {
      /** Final, unless nobody could tell: the client was closed, or its signal aborted and the service is silent. */
      readonly status: GoalStatus
      readonly result?: Result | undefined

      /** What `goal.result` rejects with: a `GoalError` where the service has told the end. */
      readonly error: Error
    }

export function goalError<Result>(
  id: string,
  status: GoalStatus,
  failure: RemoteFailure | undefined,
  result: Result | undefined,
): GoalError<Result> {
  const canceled = status === GoalStatus.CANCELED
  const why = failure === undefined || failure.message === '' ? '' : `: ${failure.message}`
  return new GoalError(
    canceled ? 'GOAL_CANCELED' : 'GOAL_ABORTED',
    `goal ${id} was ${canceled ? 'canceled' : 'aborted'}${why}`,
    { cause: failure === undefined ? undefined : toCause(failure), result },
  )
}

/** What commlib itself says travels as its own kind of error. */
function toCause(failure: RemoteFailure): Error {
  const { code, message } = failure
  switch (code) {
    case 'CLOSED':
    case 'GOAL_CANCELED':
    case 'GOAL_UNKNOWN':
    case 'HANDLER_TIMEOUT':
    case 'NO_SERVICE':
    case 'TIMEOUT':
      if (failure.name === 'CommlibError') return new CommlibError(code, message)
  }
  return new RemoteError(failure)
}
