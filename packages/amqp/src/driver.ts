import { CommlibError, type Driver, type TransportSupports, toError } from '@commlib/core/internal'
import { connectionFailed } from './errors.ts'
import { createLink, REPLY_TO } from './link.ts'
import { openSession } from './open-session.ts'
import type { Settings } from './options.ts'
import type { Session } from './session.ts'

const SUPPORTS: TransportSupports = Object.freeze({
  properties: true,
  headers: 'always',
  queueing: false,
  competing: true,
  reliable: true,
  latched: 'plain',
  groups: true,
  durable: true,
  groupTakeover: 'at-once',
  noService: 'always',
  expiry: true,
  deadLetter: false,
})

/** Opens connections to a broker, or to whichever node of a cluster takes one. */
export function createDriver(settings: Settings): Driver {
  const { addresses, connectTimeout } = settings
  let next = 0
  return {
    name: 'amqp',
    supports: SUPPORTS,
    target: addresses.map(({ target }) => target).join(' or '),
    replyTo: () => REPLY_TO,
    open: async (events, { signal }) => {
      const failures: Error[] = []
      for (let tried = 0; tried < addresses.length; tried++) {
        const address = addresses[(next + tried) % addresses.length] ?? addresses[0]
        let session: Session | undefined
        try {
          // One that does not answer leaves time for the others.
          session = await withinShare(connectTimeout / addresses.length, signal, limit =>
            openSession(address, settings, events, limit),
          )
          const link = await createLink(session, settings, events)
          next = (next + tried) % addresses.length
          return link
        } catch (error) {
          void session?.close()
          signal.throwIfAborted()
          const failure = toError(error)
          failures.push(
            failure.message.includes(address.target)
              ? failure
              : connectionFailed(address.target, address.vhost, failure),
          )
        }
      }
      const [failure] = failures
      if (failures.length === 1 && failure !== undefined) throw failure
      const message = failures.map(({ message }) => message).join('; ')
      const denied = failures.some(error => error instanceof CommlibError && error.code === 'NOT_AUTHORIZED')
      throw new CommlibError(denied ? 'NOT_AUTHORIZED' : 'CONNECTION_FAILED', message, { cause: failure })
    },
  }
}

/** Opens with a signal that aborts in time, and no longer does when that is over: the socket is bound to it. */
async function withinShare<T>(
  milliseconds: number,
  signal: AbortSignal,
  open: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const late = new CommlibError('CONNECTION_FAILED', `no answer within ${Math.ceil(milliseconds)} ms`)
  const timer = setTimeout(() => controller.abort(late), milliseconds)
  const abort = () => controller.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await open(controller.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
