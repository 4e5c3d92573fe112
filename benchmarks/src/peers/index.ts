import { folderOf } from '../install.ts'
import type { BrokerTransport, Row } from '../rows.ts'
import type { Peer } from './peer.ts'

export interface PeerEntry {
  /** Loads only what is asked for, so that no process carries another's code. */
  load(transport: BrokerTransport): Promise<Peer>

  /** The rows it takes part in. */
  plays(row: Row): boolean

  /** Its folder in `benchmarks/peers`, installed when it is needed; its figures may fail without failing the run. */
  readonly folder?: string

  /** Is a Python program that speaks for itself, not a module. */
  readonly python?: boolean
}

export const peers: Readonly<Record<string, PeerEntry>> = {
  commlib: {
    load: async transport => (await import('./commlib.ts')).commlib(transport),
    plays: ({ transport }) => transport !== 'nats',
  },
  'commlib-unchecked': {
    load: async transport => (await import('./commlib.ts')).commlib(transport, { checked: false }),
    plays: row => /^(mqtt|redis|amqp)-(rpc-64|events)$/.test(row.id),
  },
  raw: { load: transport => raw(transport, false), plays: isOnBroker },
  // ioredis sets it by itself.
  'raw-nodelay': {
    load: transport => raw(transport, true),
    plays: row => isOnBroker(row) && row.transport !== 'redis',
  },
  // A hundred of its nodes in one process, which all hear from one another, are not up after 30 s.
  moleculer: foreign(
    'moleculer',
    ({ transport, deed, pattern }) =>
      transport !== 'nats' && (deed === 'rpc' || (deed === 'events' && !['fan-out', 'bridge'].includes(pattern))),
  ),
  // Its queues have no topics and no copies, and its clients publish to one pattern at a time.
  nestjs: foreign(
    'nestjs',
    row => row.transport !== 'nats' && (row.deed === 'rpc' || (row.deed === 'events' && row.pattern === 'events')),
  ),
  'commlib-py': {
    ...foreign('commlib-py', ({ id }) => /^(mqtt|redis|amqp)-(rpc|events)$/.test(id)),
    python: true,
  },
  nats: foreign('nats', row => row.transport === 'nats'),
}

function foreign(folder: string, plays: PeerEntry['plays']): PeerEntry {
  const load = async (transport: BrokerTransport): Promise<Peer> => {
    const { createPeer } = await import(new URL('peer.js', folderOf(folder)).href)
    return createPeer(transport)
  }
  return { folder, plays, load }
}

/** No client library has actions or bridges, and NATS has a peer of its own. */
function isOnBroker({ transport, deed, bridged = false }: Row): boolean {
  return transport !== 'nats' && transport !== 'memory' && deed !== 'actions' && !bridged
}

async function raw(transport: BrokerTransport, noDelay: boolean): Promise<Peer> {
  switch (transport) {
    case 'mqtt':
      return (await import('./raw-mqtt.ts')).rawMqtt({ noDelay })
    case 'redis':
      return (await import('./raw-redis.ts')).rawRedis()
    case 'amqp':
      return (await import('./raw-amqp.ts')).rawAmqp({ noDelay })
    case 'nats':
      throw new Error('NATS has a peer of its own')
  }
}
