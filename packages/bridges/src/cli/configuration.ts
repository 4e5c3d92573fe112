import type { BridgeContract, BridgeOptions } from '../options.ts'

/** A checked configuration. */
export interface Configuration {
  readonly brokers: ReadonlyMap<string, BrokerConfiguration>
  readonly bridges: readonly BridgeConfiguration[]
  readonly health: { readonly host: string; readonly port: number } | undefined
}

export interface BrokerConfiguration {
  readonly name: string
  readonly url: string
  readonly options: Readonly<Record<string, unknown>>
  readonly wire: '0.13' | '0.13.2' | '0.6' | undefined
}

export interface BridgeConfiguration {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly contract: BridgeContract
  readonly options: BridgeOptions<BridgeContract>

  /** The same text means the same bridge: a reload leaves it alone. */
  readonly identity: string
}

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What is wrong with a configuration, line by line. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError'
}
