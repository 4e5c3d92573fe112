import { assertTopic } from './contracts/grammar.ts'
import type { ContextOptions } from './endpoints/context.ts'
import type { HeartbeatOptions } from './endpoints/heartbeat.ts'
import type { AbortOptions, Transport, TransportStatus } from './transport.ts'
import {
  abortSignal,
  assertOptions,
  callback,
  flag,
  having,
  logger,
  number,
  type OptionCheck,
  optionCheck,
  type Rule,
  words,
} from './util/options.ts'
import { codecRule } from './wire/codec.ts'

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
   * @default memory(), and none in the lean entry
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

const check = /* @__PURE__ */ optionCheck(() => {
  const segment: Rule = ['letters, digits, _ and -', value => typeof value === 'string' && /^[\w-]+$/.test(value)]
  return {
    createNode: {
      name: segment,
      deviceId: segment,
      transport: having('one, such as memory()', 'connect', 'publish', 'subscribe', 'push', 'pull', 'inbox'),
      codec: codecRule,
      wire: ["'0.13', '0.13.2' or '0.6'", value => value === '0.13' || value === '0.13.2' || value === '0.6'],
      maxMessageBytes: number(1),
      heartbeat: ['false or { topic, interval }', value => value === false || typeof value === 'object'],
      control: flag,
      log: logger,
      debug: flag,
      onStatus: callback,
      onError: callback,
      connectTimeout: number(),
      waitForBroker: flag,
      signal: abortSignal,
    },
    close: { grace: number() },
  }
})

/** Checks the options of a node and of its closing. */
export const checkNodeOptions: OptionCheck = (owner, options) => {
  check(owner, options)
  const { heartbeat } = options as NodeOptions
  if (heartbeat === undefined || heartbeat === false) return
  const milliseconds = (value: unknown) => typeof value === 'number' && value >= 1 && value < 2 ** 31
  const interval: Rule = ['a number of milliseconds from 1 to 2147483647', milliseconds]
  assertOptions('heartbeat', heartbeat, { topic: words, interval }, 'heartbeat.')
  if (heartbeat.topic !== undefined) assertTopic(heartbeat.topic)
}
