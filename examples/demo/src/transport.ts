import { CommlibError, memory, type Transport, type TransportFactory, transportFor } from '@commlib/core'

/** Where each kind of transport comes from, by URL scheme. Only what is used is loaded. */
const PACKAGES: Readonly<Record<string, { readonly name: string; readonly factory: string }>> = {
  mqtt: { name: '@commlib/mqtt', factory: 'mqtt' },
  mqtts: { name: '@commlib/mqtt', factory: 'mqtt' },
  ws: { name: '@commlib/mqtt', factory: 'mqtt' },
  wss: { name: '@commlib/mqtt', factory: 'mqtt' },
  redis: { name: '@commlib/redis', factory: 'redis' },
  rediss: { name: '@commlib/redis', factory: 'redis' },
  amqp: { name: '@commlib/amqp', factory: 'amqp' },
  amqps: { name: '@commlib/amqp', factory: 'amqp' },
}

/** What makes transports for a URL: call it once for each node. */
export async function loadTransport(url: string): Promise<() => Transport> {
  const scheme = url.split(':')[0]?.toLowerCase() ?? ''
  const found = PACKAGES[scheme]
  if (found === undefined && scheme !== 'memory') {
    throw new CommlibError(
      'INVALID_OPTION',
      `not a broker URL: '${url}' (${Object.keys(PACKAGES).join(', ')} or memory, such as mqtt://localhost)`,
    )
  }
  const factories = found === undefined ? [memory] : [memory, await load(url, found)]
  return () => transportFor(url, factories)
}

async function load(url: string, { name, factory }: { name: string; factory: string }): Promise<TransportFactory> {
  try {
    return (await import(name))[factory]
  } catch (cause) {
    throw new CommlibError(
      'INVALID_OPTION',
      `${url.split(':')[0]}:// needs ${name}, which is not here: install it first (pnpm add ${name})`,
      { cause },
    )
  }
}

/** A URL as people may see it: without user and password. */
export function showUrl(url: string): string {
  if (url.startsWith('memory:')) return 'in memory'
  // One that is none is told by transportFor().
  if (!URL.canParse(url)) return 'nowhere'
  const { protocol, host } = new URL(url)
  return `on ${protocol}//${host}`
}
