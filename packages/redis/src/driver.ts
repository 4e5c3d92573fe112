import { type Driver, type Link, raceSignal, type TransportSupports } from '@commlib/core/internal'
import { readClock } from './clock.ts'
import { type Connection, openConnection } from './connection.ts'
import { connectionFailed } from './errors.ts'
import { createLink } from './link.ts'
import type { Settings } from './options.ts'

/** Milliseconds that the connections opened later may take. */
const LATER = 10_000

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
  const { target, keepalive } = settings
  const inboxRoot = `rpc-${id}`

  /** The blocking connection of earlier links, as the server knows it. */
  const stale = new Set<string>()

  return {
    name: 'redis',
    target,
    supports,
    replyTo: token => `${inboxRoot}.${token}`,
    open: async (events, { signal }) => {
      let ended = false
      let link: Link | undefined
      const connections = new Set<Connection>()
      const lost = (cause: Error | undefined) => {
        if (ended) return
        ended = true
        events.lost(cause)
        // Each is lost without the others.
        for (const connection of connections) void connection.close(0)
        void link?.close().catch(events.error)
      }
      const open = async (role: 'commands' | 'subscriber' | 'reader', until: AbortSignal) => {
        const blocking = role === 'reader'
        const client = { ...settings.client, connectionName: `commlib-${id}-${role}` }
        const connection = await openConnection({ target, client, keepalive, blocking, signal: until }, lost)
        connections.add(connection)
        if (ended) void connection.close(0)
        return connection
      }
      const commands = await open('commands', signal)
      const greeted = Promise.all([readClock(commands.send), endStale(commands, id, stale)])
      const [clock] = await raceSignal(greeted, signal).catch(error => {
        void commands.close(0)
        throw signal.aborted ? signal.reason : connectionFailed(target, error)
      })
      link = createLink(
        commands,
        {
          maxMessageBytes: settings.maxMessageBytes,
          blockTime: settings.blockTime,
          inboxRoot,
          clock,
          id,
          maxLength: settings.maxLength,
          claimAfter: settings.claimAfter,
          wakeKey: `wake{${inboxRoot}}`,
          another: async role => {
            const connection = await open(role, AbortSignal.timeout(LATER))
            if (role === 'reader') {
              const known = await connection.send('client', ['id']).catch(() => undefined)
              if (known !== undefined) stale.add(String(known))
            }
            return connection
          },
        },
        events,
      )
      return link
    },
  }
}

/**
 * Ends blocking connections of ours that the server still believes in, after the line had gone silent: they would pop
 * items for nobody. Without the right to do so, they end by themselves with their blocking command.
 */
async function endStale(commands: Connection, id: string, stale: Set<string>): Promise<void> {
  for (const client of stale) {
    // A server that was restarted counts its clients anew: only one with our name is ours.
    const line = await commands.send('client', ['list', 'id', client]).catch(() => '')
    if (String(line).includes(`name=commlib-${id}-reader `))
      await commands.send('client', ['kill', 'id', client]).catch(() => {})
  }
  stale.clear()
}
