import { assertOfflineBuffer, assertTopic, CommlibError, show } from '@commlib/core/internal'
import { SESSION_OPTIONS } from '@commlib/mqtt/internal'
import type { OptionCheck } from './options.ts'

/** From 1, or from 0 for `keepalive`, to: */
const LIMITS = [
  ['keepalive', 65_535],
  ['receiveMaximum', 65_535],
  ['maxMessageBytes', 268_304_383],
  ['sessionExpiry', 0xffffffff],
  ['connectTimeout', 2 ** 31 - 1],
] as const

/** Checks the options of a transport. */
export const checkOptions: OptionCheck = (given, options, scheme) => {
  const names: readonly string[] = [...SESSION_OPTIONS, 'webSocket']
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw invalid(name, undefined, `is no option: there are ${names.join(', ')}`)
  }
  for (const [name, max] of LIMITS) {
    const value = options[name]
    const min = name === 'keepalive' ? 0 : 1
    if (!Number.isInteger(value) || value < min || value > max) {
      throw invalid(name, value, `must be an integer from ${min} to ${max}`)
    }
  }
  const { clientId, protocolVersion, group, inbox, will, username, password, tls, offlineBuffer } = options
  if (![undefined, 4, 5].includes(protocolVersion)) {
    throw invalid('protocolVersion', protocolVersion, 'must be 5, or 4 for MQTT 3.1.1')
  }
  if (typeof clientId !== 'string' || clientId === '') throw invalid('clientId', clientId, 'must be a name')
  if (group !== false && !/^[^/+#]+$/.test(group))
    throw invalid('group', group, 'must be false or a name without /, + and #')
  if (inbox !== undefined && !/^[\w-]{1,128}$/.test(inbox))
    throw invalid('inbox', inbox, 'must be 1 to 128 letters, digits, _ and -')
  if (password !== undefined && username === undefined)
    throw invalid('username', username, 'is missing beside password')
  assertOfflineBuffer(offlineBuffer)
  if (will !== undefined) assertTopic(will.topic)
  if (tls !== undefined && scheme !== 'mqtts') throw invalid('tls', tls, `needs mqtts, not ${scheme}`)
}

function invalid(name: string, value: unknown, why: string): CommlibError {
  return new CommlibError('INVALID_OPTION', `mqttLite: ${name} ${why}, not ${show(value)}`)
}
