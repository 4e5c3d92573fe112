import {
  CommlibError,
  type Frame,
  isPattern,
  type Link,
  type LinkEvents,
  type LinkSubscription,
  type ReplyListener,
  type SubscribeOptions,
  subscription,
  type TopicListener,
} from '@commlib/core/internal'
import type { ConsumeMessage } from 'amqplib'
import { type ConsumerOptions, consume, within } from './consumer.ts'
import { connectionLost, queueRefused, refused } from './errors.ts'
import { frameOf } from './frame.ts'
import { readLatched } from './latched.ts'
import { OwnQueue } from './own-queue.ts'
import { durableName, durableQueue, groupQueue, OWN, SHARED } from './queues.ts'
import { openSending } from './sending.ts'
import type { Session } from './session.ts'
import { claim } from './takeover.ts'
import { assertShort, fromRoutingKey, toBindingKey } from './topic.ts'

export interface LinkOptions {
  /** Where topics are published. */
  readonly exchange: string

  /** Bytes of the largest body. */
  readonly maxMessageBytes: number

  /** Messages that a reliable subscription may have unsettled. */
  readonly prefetch: number

  /** Milliseconds a queue may take to be established. */
  readonly patience: number

  /** Milliseconds a durable subscription's queue lives without a consumer. */
  readonly durableExpiry: number
}

/** Frames that AMQP can count. */
const MAX_PREFETCH = 65_535

/** Milliseconds that a subscriber has for what it is handling when it leaves, before others get that too. */
const GRACE = 5000

/** The verbs over one AMQP connection. */
export async function createLink(session: Session, options: LinkOptions, events: LinkEvents): Promise<Link> {
  const { exchange, maxMessageBytes, patience, prefetch } = options
  const sending = await openSending(session, options, events)

  /** What is too large is told and left out. */
  function readable(message: ConsumeMessage, where: string): Frame | undefined {
    const { length } = message.content
    if (length <= maxMessageBytes) return frameOf(message)
    const text = `a message on '${where}' has ${length} bytes, more than maxMessageBytes (${maxMessageBytes})`
    events.error(new CommlibError('MESSAGE_TOO_LARGE', text))
    return undefined
  }

  const own = new OwnQueue({
    session,
    exchange,
    readable,
    onError: events.error,
    consume: async receive => {
      let queue = ''
      const label = 'best-effort subscriptions'
      const consumer = await consume(
        session,
        {
          label,
          declare: async channel => {
            queue = (await channel.assertQueue('', OWN)).queue
            return queue
          },
          acknowledge: undefined,
          drains: false,
          grace: GRACE,
          patience,
          receive,
          refused: error => refused(`the broker refused a queue for ${label}`, error),
        },
        events,
      )
      return { queue, consumer }
    },
  })

  async function hear(pattern: string, onFrame: TopicListener): Promise<LinkSubscription> {
    const listening = own.listen(pattern, onFrame)
    try {
      return await within(patience, listening, `subscription to '${pattern}'`)
    } catch (error) {
      // Where it was too late.
      listening.then(
        ({ close }) => close(),
        () => {},
      )
      if (session.ended) throw connectionLost(session.target)
      throw refused(`the broker refused the subscription to '${pattern}'`, error)
    }
  }

  async function subscribe(
    pattern: string,
    onFrame: TopicListener,
    given: SubscribeOptions = {},
  ): Promise<LinkSubscription> {
    const { group, durable, latched = false, reliable = false } = given
    assertPossible(pattern, given)
    const settles = reliable || durable !== undefined
    if (!settles && !latched && group === undefined) return hear(pattern, onFrame)
    const key = toBindingKey(pattern)
    const name =
      durable !== undefined ? durableName(durable, group) : group !== undefined ? groupQueue(group, pattern) : ''
    if (name !== '') assertShort(name)
    const how = durable !== undefined ? durableQueue(options.durableExpiry) : group !== undefined ? SHARED : OWN
    const ready: ConsumerOptions['ready'] = async (queue, yieldTo) => {
      if (latched) {
        const kept = await readLatched(session, pattern)
        // Not awaited: who takes it may wait for something itself.
        if (kept !== undefined) void (async () => onFrame(pattern, kept))().catch(events.error)
      }
      if (durable === undefined || group !== undefined) return undefined
      return claim(session, { queue, durable, announce: sending.announce, onTaken: yieldTo })
    }
    return consume(
      session,
      {
        label: `subscription to '${pattern}'`,
        declare: async channel => {
          const { queue } = await channel.assertQueue(name, how)
          await channel.bindQueue(queue, exchange, key)
          return queue
        },
        ready,
        acknowledge: settles ? { prefetch } : undefined,
        drains: group !== undefined,
        grace: GRACE,
        patience,
        receive: message => {
          const topic = fromRoutingKey(message.fields.routingKey)
          const frame = readable(message, topic)
          return frame === undefined ? undefined : onFrame(topic, frame)
        },
        refused: error =>
          name === ''
            ? refused(`the broker refused the subscription to '${pattern}'`, error)
            : queueRefused(name, error),
      },
      events,
    )
  }

  return {
    publish: sending.publish,
    push: sending.push,
    subscribe,

    pull: async (queue, onFrame, { concurrency = Infinity } = {}) => {
      assertShort(queue)
      return consume(
        session,
        {
          label: `service on '${queue}'`,
          declare: async channel => (await channel.assertQueue(queue, SHARED)).queue,
          acknowledge: { prefetch: concurrency > MAX_PREFETCH ? 0 : concurrency },
          drains: true,
          grace: Infinity,
          patience,
          receive: message => {
            const frame = readable(message, queue)
            return frame === undefined ? undefined : onFrame(frame)
          },
          refused: error => queueRefused(queue, error),
        },
        events,
      )
    },

    inbox: async (onReply: ReplyListener, given) => {
      const forget = sending.listen({ onReply, onReturned: given?.onReturned })
      const { close } = subscription(forget)
      return { reserve: () => REPLY_TO, release: () => {}, close, [Symbol.asyncDispose]: close }
    },

    close: session.close,
  }
}

/** RabbitMQ's own return address: it becomes one that belongs to the channel. */
export const REPLY_TO = 'amq.rabbitmq.reply-to'

function assertPossible(pattern: string, { group, durable, latched }: SubscribeOptions): void {
  if (durable === '' || group === '') {
    throw new CommlibError('INVALID_OPTION', `${durable === '' ? 'durable' : 'group'} '' must be a name`)
  }
  if (!latched) return
  if (group !== undefined) {
    throw new CommlibError('UNSUPPORTED', `group '${group}' cannot be latched: its members have no first message each`)
  }
  if (isPattern(pattern)) {
    throw new CommlibError(
      'UNSUPPORTED',
      `'${pattern}' cannot be latched: AMQP keeps the last value of plain topics only`,
    )
  }
}
