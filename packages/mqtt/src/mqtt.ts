import { randomId, reconnecting, type Transport } from '@commlib/core/internal'
import { createDriver } from './driver.ts'
import { type MqttOptions, resolveOptions, schemes } from './options.ts'

/** Connects to an MQTT broker: mosquitto, EMQX, HiveMQ, RabbitMQ's plugin and others. */
export interface Mqtt {
  /** @param options what the URL does not say; they go before it */
  (url: string, options?: MqttOptions): Transport
  (options?: MqttOptions): Transport

  /** The URL schemes it takes. */
  readonly schemes: readonly string[]
}

function create(urlOrOptions?: string | MqttOptions, more?: MqttOptions): Transport {
  const [url, options] = typeof urlOrOptions === 'string' ? [urlOrOptions, more ?? {}] : [undefined, urlOrOptions ?? {}]
  const settings = resolveOptions(url, options, randomId)
  return reconnecting(createDriver(settings), settings)
}

export const mqtt: Mqtt = Object.assign(create, { schemes })
