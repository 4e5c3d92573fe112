import { CommlibError } from './errors.ts'
import type { Transport } from './transport.ts'
import { show } from './util/options.ts'

/** What makes transports of one kind out of an URL: `mqtt`, `redis`, `amqp`, `memory`. */
export interface TransportFactory {
  (url: string): Transport

  /** The URL schemes it takes, without the colon. */
  readonly schemes: readonly string[]
}

const PACKAGES: Readonly<Record<string, string>> = {
  mqtt: '@commlib/mqtt',
  mqtts: '@commlib/mqtt',
  ws: '@commlib/mqtt',
  wss: '@commlib/mqtt',
  redis: '@commlib/redis',
  rediss: '@commlib/redis',
  amqp: '@commlib/amqp',
  amqps: '@commlib/amqp',
}

/**
 * Makes a transport by the scheme of an URL: `transportFor(process.env.COMMLIB_URL, [memory, mqtt])`.
 *
 * commlib-py: `TransportType` and `endpoint_factory`.
 */
export function transportFor(url: string, factories: readonly TransportFactory[]): Transport {
  const scheme = typeof url === 'string' ? /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() : undefined
  if (scheme === undefined) {
    // What comes before an @ may be a password.
    const shown = show(typeof url === 'string' ? url.replace(/^.*@/s, '***@') : url)
    throw new CommlibError('INVALID_OPTION', `not a broker URL: ${shown} (such as mqtt://localhost)`)
  }
  const usable = (each: unknown) => typeof each === 'function' && Array.isArray((each as TransportFactory).schemes)
  if (!Array.isArray(factories) || !factories.every(usable))
    throw new CommlibError('INVALID_OPTION', 'the factories must be an array such as [mqtt, memory]')
  const factory = factories.find(({ schemes }) => schemes.includes(scheme))
  if (factory !== undefined) return factory(url)
  const known = factories.flatMap(({ schemes }) => schemes).join(', ')
  const install = PACKAGES[scheme]
  const hint = install === undefined ? '' : `: npm install ${install}, and give its factory`
  throw new CommlibError('INVALID_OPTION', `no transport for '${scheme}:' among ${known || 'none'}${hint}`)
}
