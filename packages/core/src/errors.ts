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
  | 'RESOURCE_LOCKED'
  | 'SESSION_TAKEN'
  | 'TIMEOUT'
  | 'UNSUPPORTED'

/** Characters of a message, past which it is cut. */
const LONGEST = 2000

/** What would forge lines of a log, command a terminal, or turn the direction of a text. */
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

/** One line that is safe to print, whoever wrote it. */
export function readable(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return cut.replace(UNSAFE, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Every error commlib throws itself; a failing broker client's error is its `cause`. Its message is one line that is safe
 * to print: control characters, which may come from others, are escaped.
 */
export class CommlibError extends Error {
  override name = 'CommlibError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(readable(message), options)
    this.code = code
  }
}

/** What a handler on the other side threw, as far as it travels, and as it came. */
export interface RemoteFailure {
  /** The thrown error's `name`, such as `RangeError`. */
  readonly name: string
  readonly message: string

  /** The thrown error's own `code`, if it had one. */
  readonly code?: string | undefined
}

/** The name of a failure that happened to a bridge on its way to the handler: its code is one of ours. */
export const BRIDGED = 'BridgeError'

/** The other side's handler threw, or, with that code, a bridge on the way found nobody who serves or had no answer in time. */
export class RemoteError extends CommlibError {
  override name = 'RemoteError'
  readonly remote: RemoteFailure

  constructor(remote: RemoteFailure) {
    const { name, code } = remote
    super(((name === BRIDGED && code) as ErrorCode) || 'REMOTE_ERROR', remote.message)
    this.remote = remote
  }
}

/** The code of an error of ours. */
export function codeOf(thrown: unknown): ErrorCode | undefined {
  return thrown instanceof CommlibError ? thrown.code : undefined
}

/** Makes an `Error` out of whatever was thrown. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('something that has no text was thrown')
  }
}
