import {
  CommlibError,
  type ConnectOptions,
  type Driver,
  reconnecting,
  subscription,
  type Transport,
} from '@commlib/core/internal'
import { createDriver, type DriverSettings, type OpenConnection } from './driver.ts'
import type { DurableSubscriptions } from './durable.ts'

/** A transport over MQTT, whatever makes its connections. @param extend gives the driver more than all of them have */
export function createTransport(
  settings: DriverSettings,
  openConnection: OpenConnection,
  extend = (driver: Driver) => driver,
): Transport {
  let durables: DurableSubscriptions | undefined
  const driver = createDriver(settings, openConnection, { ready: async () => durables?.back() })
  const inner = reconnecting(extend(driver), settings)
  let connecting: ConnectOptions = {}
  let started = false
  let online = false
  let closing: Promise<void> | undefined

  async function end(): Promise<void> {
    await Promise.all([durables?.close(), inner.close()])
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
    subscribe: async (pattern, onFrame, options) => {
      const durable = options?.durable
      if (durable === undefined || !started) return inner.subscribe(pattern, onFrame, options)
      // Most programs in a browser have none, and are spared the code.
      const { DurableSubscriptions } = await import('./durable.ts')
      if (closing !== undefined) return inner.subscribe(pattern, onFrame, options)
      durables ??= new DurableSubscriptions(
        session => reconnecting(extend(createDriver(settings, openConnection, { durable: session })), settings),
        why => new CommlibError('INVALID_OPTION', why),
      )
      return subscription(
        await durables.subscribe(pattern, onFrame, { ...options, durable }, { ...connecting, online }),
      )
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Makes the broker forget a durable subscription: a clean connection under its client id ends it, on every version. */
export async function forgetSession(
  settings: DriverSettings,
  openConnection: OpenConnection,
  clientId: string,
): Promise<void> {
  const open: OpenConnection = (session, events) => openConnection({ ...session, will: false }, events)
  const transport = reconnecting(createDriver({ ...settings, clientId }, open), settings)
  await transport.connect()
  await transport.close()
}
