import { randomId, reconnecting, TextWire, type Transport } from '@commlib/core/internal'
import { createDriver } from './driver.ts'
import { type RedisOptions, resolveOptions } from './options.ts'
import { schemes } from './url.ts'

/** Connects to a Redis or Valkey server. */
export interface RedisFactory {
  /** @param options what the URL does not say; they go before it */
  (url: string, options?: RedisOptions): Transport
  (options?: RedisOptions): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

function create(urlOrOptions?: string | RedisOptions, more?: RedisOptions): Transport {
  const settings =
    typeof urlOrOptions === 'string' ? resolveOptions(urlOrOptions, more) : resolveOptions(undefined, urlOrOptions)
  return { ...reconnecting(createDriver(settings, randomId()), settings), wire: TextWire }
}

/** The transport over Redis and Valkey. */
export const redis: RedisFactory = Object.assign(create, { schemes })
