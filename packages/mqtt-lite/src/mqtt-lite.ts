import { CommlibError, type Transport } from '@commlib/core/internal'
import { createTransport, forgetSession, type OpenConnection } from '@commlib/mqtt/internal'
import { openConnection } from './open-connection.ts'
import { type MqttLiteOptions, type OptionCheck, resolveOptions, type Settings, schemes } from './options.ts'
import { type OpenSocket, openWebSocket } from './socket.ts'

/** Connects to an MQTT broker with little code: from a browser over WebSocket, from Node also over TCP and TLS. */
export interface MqttLite {
  /** @param options what the URL does not say; they go before it */
  (url: string, options?: MqttLiteOptions): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

/** Makes the broker forget a durable subscription. */
export type ForgetDurable = (url: string, durable: string, options?: MqttLiteOptions) => Promise<void>

/** The `mqttLite` function, with or without a check of options. */
export function mqttLiteBy(check?: OptionCheck): MqttLite {
  const create = (url: string, options: MqttLiteOptions = {}) => {
    const settings = resolveOptions(url, options, check)
    return createTransport(settings, opener(settings))
  }
  return Object.assign(create, { schemes })
}

/** The `forgetDurable` function, with or without a check of options. */
export function forgetDurableBy(check?: OptionCheck): ForgetDurable {
  return async (url, durable, options = {}) => {
    const settings = resolveOptions(url, options, check)
    await forgetSession(settings, opener(settings), durable)
  }
}

function opener(settings: Settings): OpenConnection {
  return async (session, events) => {
    return openConnection(await socketOf(settings), settings, session, events)
  }
}

async function socketOf({ path, target }: Settings): Promise<OpenSocket> {
  if (path !== undefined) return openWebSocket
  if (globalThis.process?.getBuiltinModule === undefined) {
    throw new CommlibError('UNSUPPORTED', `${target} needs Node 20.16: elsewhere there is only ws and wss`)
  }
  // A page is spared what it cannot use.
  return (await import('./tcp.ts')).openTcp
}
