import { CommlibError, type LinkEvents, toError } from '@commlib/core/internal'
import { type Connection, connectionLost, type OpenSession, RETURN_CODES, VersionRefused } from '@commlib/mqtt/internal'
import { type Established, establish } from './connection.ts'
import { refused } from './errors.ts'
import type { Settings } from './options.ts'
import { type Cursor, splitter } from './read.ts'
import type { OpenSocket } from './socket.ts'
import { connectPacket } from './write.ts'

const CONNACK = 2

/** Opens one MQTT connection. Rejects with `VersionRefused` where another version may do. */
export function openConnection(
  openSocket: OpenSocket,
  settings: Settings,
  session: OpenSession,
  events: LinkEvents,
): Promise<Connection> {
  const { target } = settings
  const { version, signal } = session
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let live: Established | undefined
    let reached = false
    let failure: Error | undefined

    const abort = () => {
      reject(signal.reason)
      socket.destroy()
    }

    function read(first: number, cursor: Cursor): void {
      if (live !== undefined) live.receive(first, cursor)
      else if (first >> 4 === CONNACK) {
        const sessionPresent = cursor.byte() === 1
        accept(cursor.byte())
        const { numbers } = cursor.properties(version)
        live = establish(socket, { sessionPresent, limits: numbers }, settings, session, events)
        signal.removeEventListener('abort', abort)
        resolve(live.connection)
      }
    }

    function accept(code: number): void {
      const reason = RETURN_CODES[code] ?? code
      if (reason === 0x84) throw new VersionRefused(target, version)
      if (reason > 0) throw refused(`${target} refused the connection`, reason, 'CONNECTION_FAILED')
    }

    function whyNot(): Error {
      if (failure instanceof CommlibError) return failure
      if (failure === undefined && reached) return new VersionRefused(target, version)
      const { message, code } = (failure ?? {}) as { message?: string; code?: string }
      const why = message || code || 'it hung up'
      return new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${why}`, { cause: failure })
    }

    const split = splitter(read)
    const socket = openSocket(settings, {
      open: () => {
        reached = true
        socket.write(connectPacket(settings, session))
      },
      data: chunk => {
        live?.heard()
        try {
          split(chunk)
        } catch (error) {
          failure = toError(error)
          socket.destroy()
        }
      },
      close: error => {
        signal.removeEventListener('abort', abort)
        failure ??= error === undefined ? undefined : toError(error)
        if (live === undefined) return reject(whyNot())
        live.lost(failure)
        reject(connectionLost(target)) // for one that ended in its first moment
      },
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
