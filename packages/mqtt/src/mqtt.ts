import { type Driver, randomId, TextWire, type Transport } from '@commlib/core/internal'
import { batchAnswers } from './answer-batches.ts'
import { MAX_BATCH } from './batches.ts'
import type { OpenConnection } from './driver.ts'
import { batchMessages } from './message-batches.ts'
import { openConnection } from './open-connection.ts'
import { type MqttOptions, resolveOptions, type Settings, schemes } from './options.ts'
import { createTransport, forgetSession } from './transport.ts'

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
  // Who takes small messages only may be sent no batch of answers.
  const answers = settings.maxMessageBytes < MAX_BATCH ? (driver: Driver) => driver : batchAnswers
  const transport = createTransport(settings, opener(settings), driver => batchMessages(answers(driver)))
  return { ...transport, wire: TextWire }
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
  await forgetSession(settings, opener(settings), durable)
}

/** Opens connections with mqtt.js. */
function opener(settings: Settings): OpenConnection {
  const { target, maxMessageBytes, sessionExpiry, client, will } = settings
  return ({ version, clientId, durable, will: withWill, signal }, events) => {
    const properties =
      version === 4 ? undefined : { ...client.properties, sessionExpiryInterval: durable ? sessionExpiry : 0 }
    const given = {
      ...client,
      clientId,
      clean: !durable,
      ...(withWill && will !== undefined && { will }),
      properties,
    } as Settings['client'] // `properties: undefined` is what 3.1.1 needs
    return openConnection({ target, version, maxMessageBytes, signal, durable, client: given }, events)
  }
}

function settingsOf(urlOrOptions: string | MqttOptions | undefined, more: MqttOptions | undefined) {
  return typeof urlOrOptions === 'string'
    ? resolveOptions(urlOrOptions, more, randomId)
    : resolveOptions(undefined, urlOrOptions, randomId)
}
