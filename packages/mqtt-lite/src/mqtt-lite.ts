import type { Transport } from '@commlib/core/internal'
import { createTransport, forgetSession, type OpenConnection } from '@commlib/mqtt/internal'
import { openConnection } from './open-connection.ts'
import { type MqttLiteOptions, resolveOptions, type Settings, schemes } from './options.ts'
import { openWebSocket } from './socket.ts'

/** Connects to an MQTT broker with little code: from a browser over WebSocket, from Node also over TCP and TLS. */
export interface MqttLite {
  /** @param options what the URL does not say; they go before it */
  (url: string, options?: MqttLiteOptions): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

function create(url: string, options: MqttLiteOptions = {}): Transport {
  const settings = resolveOptions(url, options)
  return createTransport(settings, opener(settings))
}

/** The slim transport over MQTT. */
export const mqttLite: MqttLite = /* @__PURE__ */ Object.assign(create, { schemes })

/**
 * Makes the broker forget a durable subscription and what it holds for it. Whoever uses it at the time loses it.
 *
 * @param durable its name, or its name, `-` and its member, for one of a group
 */
export function forgetDurable(url: string, durable: string, options: MqttLiteOptions = {}): Promise<void> {
  const settings = resolveOptions(url, options)
  return forgetSession(settings, opener(settings), durable)
}

function opener(settings: Settings): OpenConnection {
  return async (session, events) => {
    // A page is spared what it cannot use.
    const openSocket = settings.path === undefined ? (await import('./tcp.ts')).openTcp : openWebSocket
    return openConnection(openSocket, settings, session, events)
  }
}
