import { reconnecting, TextWire, type Transport } from '@commlib/core/internal'
import { createDriver } from './driver.ts'
import { openSession } from './open-session.ts'
import { type AmqpOptions, resolveOptions, type Settings, schemes } from './options.ts'
import { durableName } from './queues.ts'

/** Connects to an AMQP 0-9-1 broker: RabbitMQ and what speaks like it. */
export interface Amqp {
  /**
   * @param url several are the nodes of one cluster: the first that answers is used
   * @param options what the URL does not say; they go before it
   */
  (url: string | readonly string[], options?: AmqpOptions): Transport
  (options?: AmqpOptions): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

function create(urlOrOptions?: string | readonly string[] | AmqpOptions, more?: AmqpOptions): Transport {
  const settings = settingsOf(urlOrOptions, more)
  return { ...reconnecting(createDriver(settings), settings), wire: TextWire }
}

/** The transport over AMQP 0-9-1. */
export const amqp: Amqp = Object.assign(create, { schemes })

/**
 * Makes the broker forget a durable subscription and what it holds for it. Closing one leaves it: it is there to
 * outlive its process. Whoever uses it at the time is given a new one.
 *
 * @param group of a durable subscription that is shared
 */
export async function forgetDurable(
  urlOrOptions: string | readonly string[] | AmqpOptions,
  durable: string,
  group?: string,
): Promise<void> {
  const settings = settingsOf(urlOrOptions, undefined)
  const nothing = () => {}
  const events = {
    lost: nothing,
    status: nothing,
    error: nothing,
    paused: nothing,
    interrupted: nothing,
    resumed: nothing,
  }
  const signal = AbortSignal.timeout(settings.connectTimeout)
  const session = await openSession(settings.addresses[0], settings, events, signal)
  try {
    const { channel } = await session.channel()
    await channel.deleteQueue(durableName(durable, group))
  } finally {
    await session.close()
  }
}

function settingsOf(
  urlOrOptions: string | readonly string[] | AmqpOptions | undefined,
  more: AmqpOptions | undefined,
): Settings {
  if (typeof urlOrOptions === 'string') return resolveOptions([urlOrOptions], more)
  if (Array.isArray(urlOrOptions)) return resolveOptions(urlOrOptions, more)
  return resolveOptions([], urlOrOptions as AmqpOptions | undefined) // TypeScript does not take a readonly array for one
}
