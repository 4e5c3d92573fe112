import { CommlibError, type Transport, type TransportFactory, toError } from '@commlib/core/internal'
import { type BrokerConfiguration, ConfigurationError } from './configuration.ts'

/** Makes a transport that is not connected. */
export type MakeTransport = () => Transport

type Factory = TransportFactory & ((url: string, options?: object) => Transport)

interface Package {
  readonly name: string
  readonly load: () => Promise<Factory>
}

// Each is loaded only when a configuration names it: nobody needs them all.
const MQTT: Package = { name: '@commlib/mqtt', load: async () => (await import('@commlib/mqtt')).mqtt as Factory }
const AMQP: Package = { name: '@commlib/amqp', load: async () => (await import('@commlib/amqp')).amqp as Factory }
const REDIS: Package = { name: '@commlib/redis', load: async () => (await import('@commlib/redis')).redis as Factory }
const MEMORY: Package = { name: '@commlib/core', load: async () => (await import('@commlib/core')).memory as Factory }

const PACKAGES: Readonly<Record<string, Package>> = {
  mqtt: MQTT,
  mqtts: MQTT,
  ws: MQTT,
  wss: MQTT,
  redis: REDIS,
  rediss: REDIS,
  amqp: AMQP,
  amqps: AMQP,
  memory: MEMORY,
}

/** Loads what the brokers need, and checks their options. Connects to none. */
export async function loadBroker({ name, url, options }: BrokerConfiguration): Promise<MakeTransport> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
  const where = `brokers.${name}`
  const found = PACKAGES[scheme]
  if (found === undefined)
    throw new ConfigurationError(`${where}: no broker speaks '${scheme}:' (${Object.keys(PACKAGES).join(', ')})`)
  const create = await found.load().catch((cause: unknown) => {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new ConfigurationError(`${where} needs a package that is not there: npm install ${found.name}`, { cause })
  })
  const make = () => (Object.keys(options).length === 0 ? create(url) : create(url, options))
  try {
    make()
  } catch (error) {
    if (error instanceof CommlibError) throw new ConfigurationError(`${where}: ${toError(error).message}`)
    throw error
  }
  return make
}
