import { type ConnectOptions, randomId, reconnecting, type Transport } from '@commlib/core/internal'
import { createDriver } from './driver.ts'
import { DurableSubscriptions } from './durable.ts'
import { type MqttOptions, resolveOptions, schemes } from './options.ts'

/** Connects to an MQTT broker: mosquitto, EMQX, HiveMQ, RabbitMQ's plugin and others. */
export interface Mqtt {
  /** @param options what the URL does not say; they go before it */
  (url: string, options?: MqttOptions): Transport
  (options?: MqttOptions): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

function create(urlOrOptions?: string | MqttOptions, more?: MqttOptions): Transport {
  const settings = settingsOf(urlOrOptions, more)
  const durables = new DurableSubscriptions(settings)
  const inner = reconnecting(createDriver(settings, { ready: () => durables.back() }), settings)
  let connecting: ConnectOptions = {}
  let started = false
  let online = false
  let closing: Promise<void> | undefined

  async function end(): Promise<void> {
    await Promise.all([durables.close(), inner.close()])
  }

  const close = () => (closing ??= end())
  return {
    ...inner,
    connect: options => {
      if (!started) {
        const { signal: _, ...kept } = options ?? {}
        connecting = kept
      }
      started = true
      return inner.connect({
        ...options,
        onStatus: status => {
          if (status.type === 'connected') online = true
          else if (status.type === 'disconnected') online = false
          options?.onStatus?.(status)
        },
      })
    },
    subscribe: (pattern, onFrame, options) => {
      const durable = options?.durable
      if (durable === undefined || !started || closing !== undefined) return inner.subscribe(pattern, onFrame, options)
      return durables.subscribe(pattern, onFrame, { ...options, durable }, { ...connecting, online })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The transport over MQTT. */
export const mqtt: Mqtt = Object.assign(create, { schemes })

/**
 * Makes the broker forget a durable subscription and what it holds for it. Closing one leaves it: it is there to
 * outlive its process. Whoever uses it at the time loses it.
 *
 * @param durable its name, or its name, `-` and its member, for one of a group
 */
export async function forgetDurable(urlOrOptions: string | MqttOptions, durable: string): Promise<void> {
  const settings = settingsOf(urlOrOptions, undefined)
  // A clean connection under its client id ends the session, on every version.
  const transport = reconnecting(createDriver({ ...settings, clientId: durable, will: undefined }), settings)
  await transport.connect()
  await transport.close()
}

function settingsOf(urlOrOptions: string | MqttOptions | undefined, more: MqttOptions | undefined) {
  return typeof urlOrOptions === 'string'
    ? resolveOptions(urlOrOptions, more, randomId)
    : resolveOptions(undefined, urlOrOptions, randomId)
}
