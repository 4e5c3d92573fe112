import type { ContextOptions } from './endpoints/context.ts'
import type { HeartbeatOptions } from './endpoints/heartbeat.ts'
import { CommlibError } from './errors.ts'
import type { AbortOptions, Transport, TransportStatus } from './transport.ts'
import { assertNumber, assertOptions, show } from './util/options.ts'

/** Options of {@link createNode}. */
export interface NodeOptions extends AbortOptions, ContextOptions {
  /**
   * Names the node; `-` becomes `_` in its namespace.
   *
   * @default a random id
   */
  readonly name?: string | undefined

  /** Puts the namespace under the device: `thing.<deviceId>.<name>`. */
  readonly deviceId?: string | undefined

  /**
   * The connection, which the node opens and closes.
   *
   * @default memory()
   */
  readonly transport?: Transport | undefined

  /** `false` for none. @default { topic: '<namespace>.heartbeat', interval: 10_000 } */
  readonly heartbeat?: HeartbeatOptions | false | undefined

  /**
   * Lets others stop and start this node, by calling `<namespace>.stop` and `<namespace>.start`.
   *
   * @default false
   */
  readonly control?: boolean | undefined

  /** Logs every frame in and out. @default whether COMMLIB_LOG is 'debug' */
  readonly debug?: boolean | undefined

  /** Is told what happens to the connection. */
  readonly onStatus?: ((status: TransportStatus) => void) | undefined

  /**
   * Milliseconds until connecting fails; the error names host and cause.
   *
   * @default 10_000
   */
  readonly connectTimeout?: number | undefined

  /**
   * Goes on trying in the background when the broker is not there yet: what is subscribed and served meanwhile is
   * established on connect.
   *
   * @default false
   */
  readonly waitForBroker?: boolean | undefined
}

const KNOWN = [
  'name',
  'deviceId',
  'transport',
  'codec',
  'wire',
  'maxMessageBytes',
  'heartbeat',
  'control',
  'log',
  'debug',
  'onStatus',
  'onError',
  'connectTimeout',
  'waitForBroker',
  'signal',
]

export function assertNodeOptions(options: NodeOptions): void {
  assertOptions('createNode', options, KNOWN)
  const { name, deviceId, wire, heartbeat, connectTimeout, maxMessageBytes, transport } = options
  for (const [option, value] of [
    ['name', name],
    ['deviceId', deviceId],
  ] as const) {
    if (value === undefined || (typeof value === 'string' && /^[\w-]+$/.test(value))) continue
    throw new CommlibError('INVALID_OPTION', `${option} must be letters, digits, _ and -, not ${show(value)}`)
  }
  if (wire !== undefined && wire !== '0.13' && wire !== '0.6') {
    throw new CommlibError('INVALID_OPTION', `wire must be '0.13' or '0.6', not ${show(wire)}`)
  }
  if (transport !== undefined && typeof transport.connect !== 'function') {
    throw new CommlibError('INVALID_OPTION', `transport must be one, such as memory(), not ${show(transport)}`)
  }
  if (heartbeat) {
    assertOptions('heartbeat', heartbeat, ['topic', 'interval'])
    assertNumber('heartbeat.interval', heartbeat.interval, { min: 1 })
  }
  assertNumber('connectTimeout', connectTimeout)
  assertNumber('maxMessageBytes', maxMessageBytes, { min: 1 })
}
