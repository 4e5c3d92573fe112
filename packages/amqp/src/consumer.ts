import { CommlibError, type LinkEvents, type LinkSubscription, toError } from '@commlib/core/internal'
import type { Channel, ConsumeMessage } from 'amqplib'
import { Acknowledgements } from './acknowledgements.ts'
import { connectionLost, replyCode } from './errors.ts'
import type { OpenChannel, Session } from './session.ts'

export interface ConsumerOptions {
  /** What it is, for error messages. */
  readonly label: string

  /** Declares the queue and returns its name. */
  declare(channel: Channel): Promise<string>

  /**
   * Runs when the queue is there, before anything is delivered. May return what is to be done when the consumer has ended.
   *
   * @param yieldTo gives the queue up for good
   */
  ready?(queue: string, yieldTo: (error: CommlibError) => void): Promise<(() => void) | undefined>

  /** Messages are acknowledged when they are settled, and so many may be unsettled; 0 for any number. */
  readonly acknowledge: { readonly prefetch: number } | undefined

  /** Closing it stops delivery only when the broker has confirmed that. */
  readonly drains: boolean

  /**
   * Milliseconds that messages have to be settled once it is closed. What is not goes back to the queue, for who consumes it
   * next.
   */
  readonly grace: number
  receive(message: ConsumeMessage): unknown

  /** Milliseconds the broker may take: a queue whose cluster has lost its majority never answers. */
  readonly patience: number

  /** What a refusal of the broker means. */
  refused(error: unknown): CommlibError
}

/** Times that a queue may be gone before it is consumed: one that deletes itself can be in the middle of that. */
const ATTEMPTS = 5

/** Consumes a queue on a channel of its own, so that whatever ends one consumer leaves the others alone. */
export async function consume(
  session: Session,
  options: ConsumerOptions,
  events: LinkEvents,
): Promise<LinkSubscription> {
  for (let attempt = 1; ; attempt++) {
    let opened: Attempt | undefined
    try {
      opened = await open(session, options, events)
      await within(options.patience, opened.start(), options.label)
      return opened.subscription
    } catch (error) {
      opened?.abandon()
      if (session.ended) throw connectionLost(session.target)
      if (replyCode(error) !== 404 || attempt === ATTEMPTS)
        throw error instanceof CommlibError ? error : options.refused(error)
    }
  }
}

/** Rejects when the broker takes too long. */
export async function within<T>(milliseconds: number, starting: Promise<T>, label: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `the queue of the ${label} did not answer within ${milliseconds} ms: its cluster may have no majority`
      reject(new CommlibError('CONNECTION_LOST', message))
    }, milliseconds)
  })
  try {
    return await Promise.race([starting, late])
  } finally {
    clearTimeout(timer)
    starting.catch(() => {}) // where it was too late
  }
}

interface Attempt {
  readonly subscription: LinkSubscription
  start(): Promise<void>
  abandon(): void
}

async function open(session: Session, options: ConsumerOptions, events: LinkEvents): Promise<Attempt> {
  const { label, declare, ready, acknowledge, drains, grace, receive } = options
  const { writer } = session
  let opened: OpenChannel | undefined
  let tag: string | undefined
  let release: (() => void) | undefined
  let closing: Promise<void> | undefined
  let tell: (error: CommlibError) => void = () => {}
  const ended = new Promise<CommlibError>(resolve => {
    tell = resolve
  })
  const end = (why: string, cause?: Error) => {
    acknowledgements?.end()
    release?.()
    if (closing !== undefined) return
    const message = `the broker ended the ${label}: ${why}; it is established again`
    tell(new CommlibError('CONNECTION_LOST', message, { cause }))
  }
  opened = await session.channel({
    onEnd: error => end(error === undefined ? 'its channel was closed' : error.message, error),
  })
  const { channel, number } = opened
  const acknowledgements =
    acknowledge && new Acknowledgements((at, multiple) => writer.acknowledge(number, at, multiple), writer.before)

  const settledBy = (message: ConsumeMessage) => {
    try {
      return receive(message)
    } catch (error) {
      events.error(error)
      return undefined
    }
  }

  const onMessage = (message: ConsumeMessage | null) => {
    if (message === null) {
      end('its queue is gone')
      opened.close()
      return
    }
    if (closing !== undefined && !drains) {
      // Somebody else's, now.
      if (acknowledgements !== undefined && !opened.ended) channel.nack(message)
      return
    }
    if (acknowledgements === undefined) {
      const settled = settledBy(message)
      if (settled instanceof Promise) settled.catch(events.error)
      return
    }
    const { deliveryTag } = message.fields
    acknowledgements.expect()
    const settled = settledBy(message)
    if (!(settled instanceof Promise)) acknowledgements.settle(deliveryTag)
    else {
      const done = () => acknowledgements.settle(deliveryTag)
      settled.then(done, error => {
        events.error(error)
        done()
      })
    }
  }

  async function start(): Promise<void> {
    const queue = await declare(channel)
    if (acknowledge !== undefined && acknowledge.prefetch > 0) await channel.prefetch(acknowledge.prefetch)
    release = await ready?.(queue, error => {
      // Told when nothing more can come.
      void closeOnce().then(() => tell(error))
    })
    const consumed = await channel.consume(queue, onMessage, { noAck: acknowledge === undefined })
    tag = consumed.consumerTag
  }

  async function close(): Promise<void> {
    release?.()
    if (tag !== undefined && !opened?.ended && !session.ended) {
      // What ends the channel meanwhile ends the consumer too.
      await channel.cancel(tag).catch(error => {
        if (!session.ended && !opened?.ended) events.error(toError(error))
      })
    }
    // Those who are being handled are acknowledged by this channel alone, and go back to the queue when it is closed.
    const leave = () => {
      acknowledgements?.leave()
      opened?.close()
    }
    if (acknowledgements === undefined) return leave()
    const late = grace === Infinity ? undefined : setTimeout(leave, grace).unref()
    void acknowledgements.idle().then(() => {
      clearTimeout(late)
      leave()
    })
  }

  const closeOnce = () => (closing ??= close())
  return {
    subscription: { ended, close: closeOnce, [Symbol.asyncDispose]: closeOnce },
    start,
    abandon: () => {
      closing ??= Promise.resolve()
      release?.()
      opened?.close()
    },
  }
}
