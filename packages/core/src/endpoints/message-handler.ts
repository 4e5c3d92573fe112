import { parts, type TopicParts } from '../contracts/contract.ts'
import { isInternal } from '../contracts/grammar.ts'
import { CommlibError, codeOf } from '../errors.ts'
import type { Frame, Subscription } from '../transport.ts'
import { Serial } from '../util/serial.ts'
import { notAMessage } from '../wire/wire.ts'
import { announce, assertOpen, contextOf, type Target } from './context.ts'
import { dropCounter } from './drop-counter.ts'
import { openIntake } from './intake.ts'
import { HandlerContext, type MessageContext, type ReceivedMessage } from './message-context.ts'
import { DEFAULT_MAX_BUFFERED, type SubscriberOptions } from './subscriber-options.ts'
import { withTopic } from './with-topic.ts'

/** Is called with each message, one after the other; a promise that it returns is awaited before the next. */
export type MessageHandler<Message, Context = MessageContext> = (message: Message, context: Context) => unknown

/** What a subscription reads of a contract. */
export interface Subscribable {
  readonly name: string
  readonly [parts]: TopicParts
}

/** Whether a subscription acknowledges: as asked, or as its contract says. */
export function isReliable({ [parts]: { delivery } }: Subscribable, options: SubscriberOptions): boolean {
  return options.reliable ?? (delivery.reliable === true || options.durable !== undefined)
}

export async function handleMessages(
  target: Target,
  contract: Subscribable,
  handler: MessageHandler<unknown>,
  options: SubscriberOptions = {},
  onClose?: () => void,
): Promise<Subscription> {
  contract[parts].check?.('subscribe', options)
  const {
    signal,
    group,
    durable,
    member,
    dedup,
    maxBuffered = DEFAULT_MAX_BUFFERED,
    retries = 0,
    handlerTimeout = 30_000,
  } = options
  signal?.throwIfAborted()
  const context = contextOf(target)
  assertOpen(context)
  const { pattern, shape, delivery, event } = contract[parts]
  const { match, wild } = pattern
  const reliable = isReliable(contract, options)
  const { latched = delivery.latched } = options
  const { transport, wire, onError } = context
  const repeated = dedup?.(transport)
  const port = announce(context, { direction: 'in', kind: 'subscriber', name: pattern.name, contract }, shape)
  const closing = new AbortController()

  const fail = (topic: string, error: unknown) => {
    port.errors++
    onError(withTopic(error, topic))
  }

  const retry = async (message: ReceivedMessage, first: PromiseLike<unknown>, messageContext: HandlerContext) => {
    for (let running = first, left = retries; ; left--) {
      try {
        await messageContext.settle(running, handlerTimeout)
        break
      } catch (error) {
        fail(message.topic, error)
        if (left <= 0 || closing.signal.aborted || codeOf(error) === 'HANDLER_TIMEOUT') break
        running = (async () => handler(message.value, messageContext as MessageContext))()
      }
    }
    message.settled?.()
  }

  const run = (message: ReceivedMessage): void | Promise<void> => {
    port.messages++
    const messageContext = new HandlerContext(message, closing.signal)
    let running: unknown
    try {
      running = handler(message.value, messageContext as MessageContext)
    } catch (error) {
      running = Promise.reject(error)
    }
    return isPromiseLike(running) ? retry(message, running, messageContext) : message.settled?.()
  }

  const drop = dropCounter(context, `the handler of '${pattern.name}'`, maxBuffered)
  const serial = new Serial<ReceivedMessage>({
    run,
    // What is acknowledged after the handler is held back by the broker, and must not be dropped here.
    limit: reliable ? Infinity : maxBuffered,
    onDrop: drop,
  })

  const deliver = (message: ReceivedMessage): void | Promise<void> => {
    if (!reliable) return serial.push(message)
    return new Promise(settled => serial.push({ ...message, settled }))
  }

  // A schema that checks asynchronously must not let messages overtake each other.
  let order: Promise<unknown> | undefined
  let checking = 0
  const deliverInOrder = (message: ReceivedMessage): Promise<void> => {
    checking++
    const turn = Promise.allSettled([message.value, order]).then(([value]) => {
      if (value.status === 'rejected') return fail(message.topic, value.reason)
      return { delivered: deliver({ ...message, value: value.value }) }
    })
    order = turn
    return turn.then(done => {
      checking--
      if (order === turn) order = undefined
      return done?.delivered
    })
  }

  const onFrame = (topic: string, frame: Frame): void | Promise<void> => {
    const params = match(topic)
    // Calls share MQTT's topics with messages.
    if (params === undefined || (wild && (frame.replyTo !== undefined || isInternal(topic))) || repeated?.(frame))
      return
    // What is being checked is kept as well.
    if (checking >= maxBuffered && !reliable) return drop()
    try {
      const data = wire.readMessage(frame)
      if (data === notAMessage) {
        if (wild) return
        throw new CommlibError('INVALID_MESSAGE', 'is a call, not a message: somebody serves this name')
      }
      const value = shape.incoming(data)
      const message = {
        topic,
        params,
        latched: frame.latched === true,
        event: event?.(data),
        value,
        settled: undefined,
      }
      return order === undefined && !(value instanceof Promise) ? deliver(message) : deliverInOrder(message)
    } catch (error) {
      fail(topic, error)
    }
  }

  return openIntake(context, {
    establish: () =>
      transport.subscribe(pattern.address, onFrame, { reliable, latched, group, durable, member, signal }),
    idle: () => serial.idle(),
    abort: reason => closing.abort(reason),
    signal,
    onClose: () => {
      port.close()
      onClose?.()
    },
  })
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}
