import { CommlibError, type ErrorCode, toError, whyNot } from '@commlib/core/internal'

/** The code of an error, by the word that Redis puts before its message. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  NOAUTH: 'NOT_AUTHORIZED',
  WRONGPASS: 'NOT_AUTHORIZED',
  NOPERM: 'NOT_AUTHORIZED',
  WRONGTYPE: 'INVALID_TOPIC',
  OOM: 'BUFFER_FULL',
}

/** What an answer means, by the same word, where it does not say so itself. */
const HINTS: Readonly<Record<string, string>> = {
  WRONGTYPE: 'another program uses this name for something else',
  MOVED: "this is a node of a cluster: give its URL as { cluster: ['redis://…'] }",
}

/** What a server says that is not, or no longer, the one to write to: another connection may lead to another. */
const ELSEWHERE = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN(?! Hash slot)|UNBLOCKED|NOREPLICAS|MISCONF) /

/** What Redis 6 and older put before an error of a command in a script. */
const IN_SCRIPT = /^ERR Error running script \(.*?\): (?:@user_script: ?\d+: )+-?/

/** Whether the server asks to come back later, or somewhere else. */
export function isElsewhere(error: unknown): boolean {
  return isReply(error) && ELSEWHERE.test(said(error))
}

/** Whether the server does not know this command, or not in this form: it is older. */
export function isUnknown(error: unknown): boolean {
  return isReply(error) && /^ERR (unknown command|wrong number of arguments|syntax error)/i.test(error.message)
}

/** Whether the error is what the server answered. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** An error for what the server answered. */
export function refused(what: string, error: unknown): CommlibError {
  const message = said(error)
  const code = codeOf(message) ?? 'CONNECTION_LOST'
  const hint = HINTS[message.split(' ', 1)[0] ?? '']
  const why = hint === undefined ? message : `${message} (${hint})`
  return new CommlibError(code, `${what}: ${why}`, { cause: stripped(error) })
}

function said(error: unknown): string {
  return toError(error).message.replace(IN_SCRIPT, '').trim()
}

function codeOf(message: string): ErrorCode | undefined {
  const [word = ''] = message.split(' ', 1)
  if (CODES[word] !== undefined) return CODES[word]
  // No word of its own have a command in a script that may not be run, and, until Redis 5, a wrong password.
  return /^(?:ERR )?(?:The user executing the script can't|invalid password)/.test(message)
    ? 'NOT_AUTHORIZED'
    : undefined
}

/** Why connecting failed, naming host and cause. */
export function connectionFailed(target: string, error: unknown): CommlibError {
  if (error instanceof CommlibError) return error
  const { message } = toError(error)
  if (!isReply(error)) {
    const foreign = message.startsWith('Unknown RESP type')
    const why = foreign ? `what answers there does not speak Redis' protocol` : whyNot(error)
    return new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${why}`, { cause: stripped(error) })
  }
  const code = codeOf(message) ?? 'CONNECTION_FAILED'
  return new CommlibError(code, `${target} refused the connection: ${message}`, { cause: stripped(error) })
}

export function connectionLost(target: string): CommlibError {
  return new CommlibError('CONNECTION_LOST', `the connection to ${target} was lost`)
}

/** ioredis notes the command on its errors: an AUTH with its password, or a whole message. */
function stripped(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && 'command' in error) delete error.command
  return error
}
