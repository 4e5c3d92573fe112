import { CommlibError, type ErrorCode, toError, whyNot } from '@commlib/core/internal'

/** What a reply code of AMQP means to an app. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  311: 'MESSAGE_TOO_LARGE',
  403: 'NOT_AUTHORIZED',
  405: 'RESOURCE_LOCKED',
  406: 'RESOURCE_LOCKED',
  530: 'NOT_AUTHORIZED',
}

/** The reply code of a refusal, wherever amqplib has put it. */
export function replyCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error) return typeof error.code === 'number' ? error.code : undefined
  const code = /\b(?:terminated by server: |replyCode"?: ?)(\d{3})\b/.exec(error.message)?.[1]
  return code === undefined ? undefined : Number(code)
}

/** What the broker said, without what amqplib puts before it. */
function said(error: unknown): string {
  const { message } = toError(error)
  return /(?:message|replyText:) ?['"](.*?)['"](?:[,}]|$)/s.exec(message)?.[1] ?? message
}

/** An error for what the broker has refused. */
export function refused(what: string, error: unknown): CommlibError {
  if (error instanceof CommlibError) return error
  const code = CODES[replyCode(error) ?? 0] ?? 'CONNECTION_LOST'
  return new CommlibError(code, `${what}: ${said(error)}`, { cause: error })
}

/** An error for a queue that cannot be had: what its name is held by is said. */
export function queueRefused(queue: string, error: unknown): CommlibError {
  const code = replyCode(error)
  if (code === 405) {
    const message = `the queue '${queue}' is held by one connection alone (405 RESOURCE_LOCKED), as commlib-py does it: stop the other service, or give this one another name`
    return new CommlibError('RESOURCE_LOCKED', message, { cause: error })
  }
  if (code === 406) {
    const message = `the queue '${queue}' was declared by another program with other arguments (406 PRECONDITION_FAILED): ${said(error)}`
    return new CommlibError('RESOURCE_LOCKED', message, { cause: error })
  }
  return refused(`the broker refused the queue '${queue}'`, error)
}

/** Why connecting failed, naming host and cause. */
export function connectionFailed(target: string, vhost: string, error: unknown): CommlibError {
  const code = replyCode(error)
  if (code === 403) {
    const message = `${target} refused the connection: bad user name or password (403 ACCESS_REFUSED)`
    return new CommlibError('NOT_AUTHORIZED', message)
  }
  // It says which of the two, and amqplib keeps it.
  if (code === 530 || /ConnectionOpenOk; got <ConnectionClose/.test(toError(error).message)) {
    const message = `${target} refused the vhost '${vhost}': there is none of that name, or it is closed to this user (530 NOT_ALLOWED)`
    return new CommlibError('NOT_AUTHORIZED', message)
  }
  const why = code === undefined ? whyNot(error) : said(error)
  return new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${why}`, { cause: error })
}

export function connectionLost(target: string): CommlibError {
  return new CommlibError('CONNECTION_LOST', `the connection to ${target} was lost`)
}
