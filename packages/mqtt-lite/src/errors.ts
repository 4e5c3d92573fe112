import { CommlibError, type ErrorCode } from '@commlib/core/internal'
import { CODES } from '@commlib/mqtt/internal'

/** An error for a reason code of MQTT 5. Their names would be half a kilobyte. */
export function refused(what: string, reason: number, fallback: ErrorCode = 'CONNECTION_LOST'): CommlibError {
  return new CommlibError(CODES[reason] ?? fallback, `${what}: reason 0x${reason.toString(16)} of MQTT 5`)
}
