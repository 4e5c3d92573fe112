/** Why an operation failed. Codes are API: they are added, never renamed. */
export type ErrorCode =
  | 'BUFFER_FULL'
  | 'CLOSED'
  | 'CONNECTION_FAILED'
  | 'CONNECTION_LOST'
  | 'DECODE_FAILED'
  | 'GOAL_ABORTED'
  | 'GOAL_CANCELED'
  | 'GOAL_REJECTED'
  | 'GOAL_UNKNOWN'
  | 'HANDLER_TIMEOUT'
  | 'INVALID_MESSAGE'
  | 'INVALID_OPTION'
  | 'INVALID_TOPIC'
  | 'MESSAGE_TOO_LARGE'
  | 'NOT_AUTHORIZED'
  | 'NO_SERVICE'
  | 'REMOTE_ERROR'
  | 'SESSION_TAKEN'
  | 'TIMEOUT'
  | 'UNSUPPORTED'

/** Every error commlib throws itself; a failing broker client's error is its `cause`. */
export class CommlibError extends Error {
  override name = 'CommlibError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What a handler on the other side threw, as far as it travels. */
export interface RemoteFailure {
  /** The thrown error's `name`, such as `RangeError`. */
  readonly name: string
  readonly message: string

  /** The thrown error's own `code`, if it had one. */
  readonly code?: string | undefined
}

/** The other side's handler threw. */
export class RemoteError extends CommlibError {
  override name = 'RemoteError'
  readonly remote: RemoteFailure

  constructor(remote: RemoteFailure) {
    super('REMOTE_ERROR', remote.message)
    this.remote = remote
  }
}

/** Makes an `Error` out of whatever was thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
