import { setTimeout as sleep } from 'node:timers/promises'
import { type Driver, type Link, raceSignal, type TransportSupports } from '@commlib/core/internal'
import { clusterAddresses, plainAddresses } from './addresses.ts'
import { connectServer, type Opening } from './connect.ts'
import { type Connection, openConnection } from './connection.ts'
import { connectionFailed } from './errors.ts'
import { createLink } from './link.ts'
import type { Settings } from './options.ts'
import { StaleReaders } from './stale-readers.ts'

/** Milliseconds that the connections opened later may take. */
const LATER = 10_000

/** Milliseconds below which a link was of no use. */
const SHORT = 500

/** How many such links are followed by the next at once. */
const PATIENCE = 2

const supports: TransportSupports = {
  properties: false,
  headers: 'reliable',
  queueing: true,
  competing: true,
  reliable: 'plain',
  latched: 'plain',
  groups: 'reliable',
  durable: true,
  groupTakeover: 'after-idle',
  noService: 'never',
  expiry: true,
  deadLetter: false,
}

/** @param id names this client in its return address */
export function createDriver(settings: Settings, id: string): Driver {
  const { target, keepalive, place } = settings
  const addresses = place.kind === 'cluster' ? clusterAddresses(`rpc-${id}`) : plainAddresses(`rpc-${id}`)
  const stale = new StaleReaders(id)
  const memory = { nodes: [] }

  /** Links in a row that ended as soon as they were used. */
  let short = 0

  return {
    name: 'redis',
    target,
    supports,
    replyTo: addresses.of,
    open: async (events, { signal }) => {
      // A server that lets everybody in and takes nothing is not to be kept busy by that.
      if (short > PATIENCE) await raceSignal(sleep(Math.min(1000, 50 * 2 ** (short - PATIENCE))), signal)
      const begun = performance.now()
      let ended = false
      let link: Link | undefined
      const connections = new Set<Connection>()
      const end = () => {
        ended = true
        // Each is lost without the others.
        for (const connection of connections) void connection.close(0)
      }
      const lost = (cause: Error | undefined) => {
        if (ended) return
        ended = true
        short = link !== undefined && performance.now() - begun < SHORT ? short + 1 : 0
        events.lost(cause)
        end()
        void link?.close().catch(events.error)
      }
      const open: Opening['open'] = async (role, at, until) => {
        const blocking = role === 'reader'
        const client = { ...at.client, connectionName: `commlib-${id}-${role}` }
        const how = { target: at.target, client, keepalive, blocking, signal: until ?? AbortSignal.timeout(LATER) }
        const connection = await openConnection(how, lost)
        connections.add(connection)
        void connection.closed.then(() => connections.delete(connection))
        if (ended) void connection.close(0)
        else if (role === 'commands') await stale.end(at.target, connection)
        else if (blocking) await stale.add(at.target, connection)
        return connection
      }
      try {
        const opening = { open, signal, onLost: lost, root: addresses.root, memory }
        const server = await raceSignal(connectServer(settings, opening), signal)
        const { maxMessageBytes, blockTime, maxLength, claimAfter } = settings
        link = createLink(server, { maxMessageBytes, blockTime, maxLength, claimAfter, addresses, id }, events)
        return link
      } catch (error) {
        end()
        throw signal.aborted ? signal.reason : connectionFailed(target, error)
      }
    },
  }
}
