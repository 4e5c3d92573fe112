import {
  bodySize,
  CommlibError,
  type Frame,
  type InboxOptions,
  type Link,
  type LinkEvents,
  type ReplyListener,
} from '@commlib/core/internal'
import type { Channel } from 'amqplib'
import { Confirmations, type Destination } from './confirmations.ts'
import { connectionLost, queueRefused, refused, replyCode } from './errors.ts'
import { frameOf } from './frame.ts'
import type { LinkOptions } from './link.ts'
import { openOutlet } from './outlet.ts'
import { LATCHED, latchedQueue } from './queues.ts'
import type { OpenChannel, Session } from './session.ts'
import { assertShort, toRoutingKey } from './topic.ts'

/** Who is told of replies, and of requests that came back. */
export interface ReplyReader {
  readonly onReply: ReplyListener
  readonly onReturned: InboxOptions['onReturned']
}

/** What leaves a connection. */
export interface Sending {
  readonly publish: Link['publish']
  readonly push: Link['push']

  /** @returns what ends it */
  listen(reader: ReplyReader): () => void

  /** Sends a message without a body, to say that somebody is there. */
  announce(exchange: string, key: string, id: string): void
}

const REPLY_QUEUE = 'amq.rabbitmq.reply-to'

/**
 * Topics, calls and what is confirmed leave by channels of their own: a topic that the user may not publish to costs no
 * call its answer.
 */
export async function openSending(
  session: Session,
  { exchange, maxMessageBytes }: LinkOptions,
  events: LinkEvents,
): Promise<Sending> {
  const { writer, target } = session
  const readers = new Set<ReplyReader>()
  /** Pushes that wait to hear whether they come back, and the queues of those that did. */
  const watched = new Set<{ readonly queue: string; returned: boolean }>()
  let confirmations: Confirmations
  const byChannel = new WeakMap<Channel, Confirmations>()
  let admin: Promise<OpenChannel> | undefined
  let broken = 0

  /** Nothing of this connection is of use any more. */
  function failed(error: unknown): void {
    events.lost(refused(`${target} takes no more messages`, error))
    void session.close()
  }

  function mended(): void {
    if (--broken === 0) events.resumed()
  }

  const mending = (what: string, begin: () => void) => ({
    onBroken: (error: Error | undefined) => {
      // The exchange is gone, and the bindings of all subscriptions with it.
      if (replyCode(error) === 404) return failed(error)
      broken++
      begin()
      events.status({
        type: 'error',
        error: refused(`${target} did not take ${what}`, error ?? connectionLost(target)),
      })
    },
    onMended: mended,
    onFailed: failed,
  })

  const [topics, calls, confirmed] = await Promise.all([
    openOutlet(session, mending('a message', events.paused)),
    openOutlet(session, {
      ...mending('a request or an answer', events.paused),
      prepare: async channel => {
        channel.on('return', message => {
          const { correlationId } = message.properties
          const { routingKey } = message.fields
          for (const watch of watched) if (watch.queue === routingKey) watch.returned = true
          if (typeof correlationId !== 'string') return
          for (const { onReturned } of readers) onReturned?.(correlationId, noService(routingKey))
        })
        await channel.consume(
          REPLY_QUEUE,
          message => {
            const token: unknown = message?.properties.correlationId
            if (message === null || typeof token !== 'string') return
            if (message.content.length > maxMessageBytes) {
              const text = `an answer has ${message.content.length} bytes, more than maxMessageBytes (${maxMessageBytes})`
              events.error(new CommlibError('MESSAGE_TOO_LARGE', text))
              return
            }
            const frame = frameOf(message)
            for (const { onReply } of readers) {
              try {
                onReply(token, frame)
              } catch (error) {
                events.error(error)
              }
            }
          },
          { noAck: true },
        )
      },
    }),
    openOutlet(session, {
      ...mending('a reliable message', () => {
        events.interrupted()
        confirmations.end(connectionLost(target))
      }),
      onMended: () => {
        confirmations = confirming()
        mended()
      },
      onRenewed: () => {
        const last = confirmations
        confirmations = confirming()
        last.moveTo(confirmations)
      },
      confirm: true,
      prepare: channel => {
        // What is confirmed is persistent, and its confirmation is what is waited for.
        const write = (to: Destination, frame: Frame) => {
          void writer.publish(confirmed.route(to.exchange, to.key, false), frame, true)
        }
        const ours = new Confirmations(write, () => confirmed.renew())
        byChannel.set(channel, ours)
        channel.on('ack', ({ deliveryTag, multiple }) => ours.ack(deliveryTag, multiple))
        channel.on('nack', ({ deliveryTag, multiple }) => ours.nack(deliveryTag, multiple))
      },
    }),
  ])
  const confirming = () => byChannel.get(confirmed.channel) as Confirmations // each has them, from its opening on
  confirmations = confirming()
  session.onEnd(() => confirmations.end(connectionLost(target)))

  function assertSize(address: string, frame: Frame): void {
    const size = bodySize(frame)
    if (size <= maxMessageBytes) return
    const message = `the message to '${address}' has ${size} bytes, more than maxMessageBytes (${maxMessageBytes})`
    throw new CommlibError('MESSAGE_TOO_LARGE', message)
  }

  /** Hands a message to the connection, or to the broker if `reliable`. */
  function send(to: Destination, frame: Frame, reliable: boolean): Promise<void> {
    if (!reliable) return writer.publish(topics.route(to.exchange, to.key, false), frame, false)
    return confirmations.publish(to, frame)
  }

  /** A channel to declare on: the one that was left, if it lives. */
  async function declaring(): Promise<Channel> {
    const current = await admin?.catch(() => undefined)
    if (current !== undefined && !current.ended) return current.channel
    admin = session.channel()
    return (await admin).channel
  }

  /** To the queue first: who subscribes in between gets it from there or live, and nobody misses it. */
  async function latch(topic: string, key: string, frame: Frame, reliable: boolean): Promise<void> {
    const queue = assertShort(latchedQueue(topic))
    const channel = await declaring()
    const empty = bodySize(frame) === 0
    try {
      if (empty) await channel.deleteQueue(queue)
      else await channel.assertQueue(queue, LATCHED)
    } catch (error) {
      throw session.ended ? connectionLost(target) : queueRefused(queue, error)
    }
    const kept = empty
      ? undefined
      : send({ exchange: '', key: queue }, { ...frame, body: frame.body, expiry: undefined }, reliable)
    await Promise.all([kept, send({ exchange, key }, frame, reliable)])
  }

  /** Waits until the broker has dealt with everything that was pushed before. */
  async function told(queue: string, sent: Promise<void>): Promise<void> {
    const watch = { queue, returned: false }
    watched.add(watch)
    try {
      await sent
      writer.flush()
      await calls.channel.prefetch(0)
    } catch {
      throw connectionLost(target)
    } finally {
      watched.delete(watch)
    }
    if (watch.returned) throw noService(queue)
  }

  return {
    publish: (topic, frame, options) => {
      try {
        if (session.ended) throw connectionLost(target)
        assertSize(topic, frame)
        const key = toRoutingKey(topic)
        const reliable = options?.reliable === true
        return options?.latched ? latch(topic, key, frame, reliable) : send({ exchange, key }, frame, reliable)
      } catch (error) {
        return Promise.reject(error)
      }
    },

    push: (queue, frame, options) => {
      try {
        if (session.ended) throw connectionLost(target)
        assertSize(queue, frame)
        const mandatory = options?.mandatory === true
        const route = calls.route('', assertShort(queue), mandatory || frame.replyTo !== undefined)
        const sent = writer.publish(route, frame, false)
        return mandatory ? told(queue, sent) : sent
      } catch (error) {
        return Promise.reject(error)
      }
    },

    listen: reader => {
      readers.add(reader)
      return () => void readers.delete(reader)
    },

    announce: (where, key, correlationId) => {
      void writer.publish(topics.route(where, key, false), { body: NOTHING, correlationId }, false) // its echo is waited for
    },
  }
}

const NOTHING = new Uint8Array()

function noService(queue: string): CommlibError {
  return new CommlibError('NO_SERVICE', `nobody serves '${queue}'`)
}
