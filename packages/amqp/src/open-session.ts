import { type LinkEvents, toError } from '@commlib/core/internal'
import { connect, credentials } from 'amqplib'
import { connectionFailed } from './errors.ts'
import type { Address, Settings } from './options.ts'
import { createSession, type Session } from './session.ts'

/** Bytes of a frame that we ask for; the broker may allow less. */
const FRAME_MAX = 128 * 1024

/** Opens one AMQP connection. */
export async function openSession(
  address: Address,
  { auth, tls, heartbeat, exchange }: Settings,
  events: LinkEvents,
  signal: AbortSignal,
): Promise<Session> {
  const { protocol, host, port, username, password, vhost, target } = address
  signal.throwIfAborted()
  const { rejectUnauthorized = true, ...given } = tls
  try {
    const model = await connect(
      {
        protocol,
        hostname: host,
        port,
        // It is unescaped again.
        vhost: encodeURIComponent(vhost),
        heartbeat,
        frameMax: FRAME_MAX,
      },
      {
        noDelay: true,
        credentials: auth === 'external' ? credentials.external() : credentials.plain(username, password),
        clientProperties: { connection_name: 'commlib' },
        ...(protocol === 'amqps' && { ...(given as object), rejectUnauthorized }), // it takes bytes where the types say Buffer
        // Not of its types, but of the socket's: whatever it waits for ends with it.
        ...({ signal } as object),
      },
    )
    const session = createSession(model, target, events)
    if (exchange !== 'amq.topic') {
      const { channel, close } = await session.channel()
      await channel.assertExchange(exchange, 'topic', { durable: true })
      close()
    }
    return session
  } catch (error) {
    signal.throwIfAborted()
    throw connectionFailed(target, vhost, toError(error))
  }
}
