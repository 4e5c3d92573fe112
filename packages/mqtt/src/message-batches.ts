import {
  codeOf,
  type Driver,
  type Frame,
  type Link,
  type LinkEvents,
  type PublishOptions,
  type TopicListener,
  toError,
} from '@commlib/core/internal'
import { Batches, isSmall, readBatch } from './batches.ts'
import { isJson } from './packet.ts'

/** The content type of several messages in one packet. */
const BATCH = 'application/vnd.commlib.batch'

const RELIABLE: PublishOptions = { reliable: true }

/** What a batch can say of a message beside its body. */
const ID = /^[\w-]{1,64}$/

/**
 * Sends messages of one turn that may share packets in as few as there can be, and takes such packets. A broker spends its
 * time on packets, whatever they hold: mosquitto makes eight system calls for each.
 */
export function batchMessages(driver: Driver): Driver {
  return {
    ...driver,
    open: async (events, options) => {
      const link = await driver.open(events, options)
      // MQTT 3.1.1 has no content type.
      const messages = driver.supports.headers === 'never' ? undefined : new MessageBatches(link.publish, events)
      return {
        ...link,
        publish: messages === undefined ? link.publish : (topic, frame, how) => messages.publish(topic, frame, how),
        subscribe: (pattern, onFrame, how) =>
          link.subscribe(
            pattern,
            (topic, frame) => (frame.contentType === BATCH ? handOut(topic, frame, onFrame) : onFrame(topic, frame)),
            how,
          ),
        close: () => {
          messages?.flush()
          return link.close()
        },
      }
    },
  }
}

class MessageBatches {
  readonly #publish: Link['publish']
  readonly #quick: Batches
  readonly #reliable: Batches

  /** Whoever publishes waits for it: there may be no room for more. */
  #room = Promise.resolve()

  constructor(publish: Link['publish'], events: LinkEvents) {
    this.#publish = publish
    // Nobody waits for any of them, since who does would send one a turn.
    const send = (topic: string, frame: Frame, count: number): Promise<void> => {
      const sent = publish(topic, frame).catch(error => {
        if (count > 1 && codeOf(error) === 'MESSAGE_TOO_LARGE') throw error
        events.status({ type: 'messages-lost', count, reason: toError(error).message })
      })
      this.#room = sent.catch(() => {})
      return sent
    }
    this.#quick = new Batches({
      alone: ({ address, frame }) => send(address, frame, 1),
      together: (topic, body, count) => send(topic, { body, contentType: BATCH }, count),
    })
    this.#reliable = new Batches({
      alone: ({ address, frame }) => publish(address, frame, RELIABLE),
      together: (topic, body) => publish(topic, { body, contentType: BATCH }, RELIABLE),
    })
  }

  publish(topic: string, frame: Frame, how: PublishOptions | undefined): Promise<void> {
    const token = how?.batch && !how.latched && how.signal === undefined ? tokenOf(frame) : undefined
    if (token === undefined) {
      // Nothing overtakes what was published to its topic before.
      this.#quick.flushOf(topic)
      this.#reliable.flushOf(topic)
      return this.#publish(topic, frame, how)
    }
    const reliable = how?.reliable === true
    const sent = (reliable ? this.#reliable : this.#quick).add(topic, { address: topic, token, frame })
    if (sent === undefined) return this.#publish(topic, frame, how)
    return reliable ? sent : this.#room
  }

  flush(): void {
    this.#quick.flush()
    this.#reliable.flush()
  }
}

/** Its id or nothing, where a batch can say all there is to say of it. */
function tokenOf(frame: Frame): string | undefined {
  const { headers, expiry, replyTo, correlationId } = frame
  if (!isSmall(frame) || !isJson(frame)) return undefined
  if (expiry !== undefined || replyTo !== undefined || correlationId !== undefined) return undefined
  if (headers === undefined) return ''
  const { id, ...others } = headers
  return id !== undefined && ID.test(id) && Object.keys(others).length === 0 ? id : undefined
}

/** What is returned settles all of them. */
function handOut(topic: string, { body }: Frame, onFrame: TopicListener): Promise<void> | undefined {
  const settled: Array<Promise<void>> = []
  readBatch(body, (id, frame) => {
    const handled = onFrame(topic, id === '' ? frame : { ...frame, headers: { id } })
    if (handled !== undefined) settled.push(handled)
  })
  return settled.length === 0 ? undefined : Promise.all(settled).then(() => {})
}
