import { CommlibError, randomId } from '@commlib/core/internal'
import { OWN } from './queues.ts'
import type { Session } from './session.ts'

/** Where users of a durable name hear of each other: with its queue's name as the key. */
const EXCHANGE = 'amq.direct'

/** Milliseconds that our own claim may take to come back. */
const ECHO = 2000

export interface ClaimOptions {
  readonly queue: string
  readonly durable: string

  /** Sends the claim. */
  announce(exchange: string, key: string, id: string): void
  onTaken(error: CommlibError): void
}

/**
 * Takes a durable name over from whoever uses it, and watches who takes it over in turn. RabbitMQ would share the messages
 * between the two, or refuse the second, which may be the one that was started again.
 *
 * @returns what ends the watch
 */
export async function claim(session: Session, options: ClaimOptions): Promise<() => void> {
  const { queue, durable, announce, onTaken } = options
  const id = randomId()
  const { channel, close } = await session.channel()
  let ours = false
  let echoed = () => {}
  const echo = new Promise<void>(resolve => {
    echoed = resolve
  })
  const own = await channel.assertQueue('', { ...OWN })
  await channel.bindQueue(own.queue, EXCHANGE, queue)
  await channel.consume(
    own.queue,
    message => {
      if (message === null) return
      if (message.properties.correlationId === id) {
        ours = true
        echoed()
      } else if (ours) {
        // What came before our own claim was made before it.
        onTaken(new CommlibError('SESSION_TAKEN', `another client uses the durable name '${durable}' now`))
      }
    },
    { noAck: true },
  )
  announce(EXCHANGE, queue, id)
  const timer = setTimeout(echoed, ECHO)
  await echo
  clearTimeout(timer)
  return close
}
