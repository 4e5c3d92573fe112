import { CommlibError, type ErrorCode } from '@commlib/core/internal'

/** The code of an error, by the word that Redis puts before its message. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  NOAUTH: 'NOT_AUTHORIZED',
  WRONGPASS: 'NOT_AUTHORIZED',
  NOPERM: 'NOT_AUTHORIZED',
  WRONGTYPE: 'INVALID_TOPIC',
  OOM: 'BUFFER_FULL',
}

/** What a server says that is not, or no longer, the one to write to: another connection may lead to another. */
const ELSEWHERE = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|UNBLOCKED|NOREPLICAS|MISCONF) /

/** Whether the server asks to come back later, or somewhere else. */
export function isElsewhere(error: unknown): boolean {
  return isReply(error) && ELSEWHERE.test(error.message)
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
  const message = error instanceof Error ? error.message : String(error)
  const [word = ''] = message.split(' ', 1)
  const why = word === 'WRONGTYPE' ? `${message} (another program uses this name for something else)` : message
  return new CommlibError(CODES[word] ?? 'CONNECTION_LOST', `${what}: ${why}`, { cause: stripped(error) })
}

/** Why connecting failed, naming host and cause. */
export function connectionFailed(target: string, error: unknown): CommlibError {
  if (isReply(error)) {
    const [word = ''] = error.message.split(' ', 1)
    return new CommlibError(CODES[word] ?? 'CONNECTION_FAILED', `${target} refused the connection: ${error.message}`, {
      cause: stripped(error),
    })
  }
  return new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${causeOf(error)}`, { cause: error })
}

export function connectionLost(target: string): CommlibError {
  return new CommlibError('CONNECTION_LOST', `the connection to ${target} was lost`)
}

/** ioredis notes the command on its errors: an AUTH with its password, or a whole message. */
function stripped(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && 'command' in error) delete error.command
  return error
}

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (is the broker running there?)',
  ENOENT: 'there is no such socket (is the broker running there?)',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'no answer',
  CERT_HAS_EXPIRED: 'the certificate is not accepted: it has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is not accepted: it is self-signed: give it as tls.ca to trust it',
  SELF_SIGNED_CERT_IN_CHAIN:
    'the certificate is not accepted: its authority is unknown: give that as tls.ca to trust it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the certificate is not accepted: its authority is unknown: give that as tls.ca to trust it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the certificate is not accepted: its authority is unknown: give that as tls.ca to trust it',
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  // A host with several addresses: one error for each, and no text of its own.
  const nested = error instanceof AggregateError ? error.errors[0] : undefined
  if (nested instanceof Error && error.message === '') return causeOf(nested)
  if (typeof code !== 'string') return error.message
  const known = SYSTEM[code]
  if (known !== undefined) return `${known} (${code})`
  return /CERT|SIGN|SSL|TLS|ISSUER/.test(code)
    ? `the certificate is not accepted: ${error.message} (${code})`
    : `${error.message} (${code})`
}
