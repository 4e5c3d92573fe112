import { CommlibError, type ErrorCode, whyNot } from '@commlib/core/internal'

/** What MQTT 5 calls the reasons of a refusal that users meet. */
const REASONS: Readonly<Record<number, string>> = {
  128: 'refused without a reason',
  131: 'an error of the broker',
  133: 'the client id is not valid',
  134: 'bad user name or password',
  135: 'not authorized',
  136: 'the broker is unavailable',
  137: 'the broker is busy',
  138: 'banned',
  139: 'the broker is shutting down',
  141: 'keep alive timeout',
  142: 'session taken over by another client',
  143: 'the topic filter is not valid',
  144: 'the topic name is not valid',
  147: 'receive maximum exceeded',
  149: 'the packet is too large',
  151: 'quota exceeded',
  152: 'an administrator ended it',
  153: 'the payload format is not valid',
  154: 'retained messages are not supported',
  158: 'shared subscriptions are not supported',
  162: 'wildcard subscriptions are not supported',
}

/** The code of an error, by the reason code of MQTT 5 that it comes from. */
export const CODES: Readonly<Record<number, ErrorCode>> = {
  128: 'NOT_AUTHORIZED',
  134: 'NOT_AUTHORIZED',
  135: 'NOT_AUTHORIZED',
  138: 'NOT_AUTHORIZED',
  142: 'SESSION_TAKEN',
  143: 'INVALID_TOPIC',
  144: 'INVALID_TOPIC',
  149: 'MESSAGE_TOO_LARGE',
  151: 'BUFFER_FULL',
  154: 'UNSUPPORTED',
  158: 'UNSUPPORTED',
  162: 'UNSUPPORTED',
}

/** The names of 3.1.1's return codes in a CONNACK, as MQTT 5 has them. */
export const RETURN_CODES: Readonly<Record<number, number>> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87 }

/** The reason code of a refused CONNECT, in MQTT 5's numbers. */
export function connackReason(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? (RETURN_CODES[code] ?? code) : undefined
}

/** An error for a reason code of MQTT 5. */
export function refused(what: string, reason: number, fallback: ErrorCode = 'CONNECTION_LOST'): CommlibError {
  const why = REASONS[reason] ?? `reason 0x${reason.toString(16)}`
  return new CommlibError(CODES[reason] ?? fallback, `${what}: ${why}`)
}

/** The broker does not speak this version, or hangs up when it hears it: another one may do. */
export class VersionRefused extends CommlibError {
  constructor(target: string, version: 4 | 5) {
    super(
      'CONNECTION_FAILED',
      `cannot connect to ${target}: it does not speak MQTT ${version === 5 ? '5' : '3.1.1'}, or hung up`,
    )
  }
}

/** Why connecting failed, naming host and cause. */
export function connectionFailed(target: string, error: unknown): CommlibError {
  const reason = connackReason(error)
  if (reason !== undefined) return refused(`${target} refused the connection`, reason, 'CONNECTION_FAILED')
  return new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${whyNot(error)}`, { cause: error })
}

export function connectionLost(target: string): CommlibError {
  return new CommlibError('CONNECTION_LOST', `the connection to ${target} was lost`)
}
