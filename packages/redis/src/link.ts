import { setTimeout as sleep } from 'node:timers/promises'
import {
  bodySize,
  CommlibError,
  type Frame,
  type Inbox,
  type Link,
  type LinkEvents,
  type QueueListener,
  subscription,
} from '@commlib/core/internal'
import type { Addresses } from './addresses.ts'
import { Channels } from './channels.ts'
import { readDeadline, withDeadline } from './deadline.ts'
import { isReply, refused } from './errors.ts'
import { openInbox } from './inbox.ts'
import type { Source } from './list-reader.ts'
import { ListReaders } from './list-readers.ts'
import { splitReturn, toKey } from './names.ts'
import { ReplyLists } from './reply-lists.ts'
import type { Server } from './server.ts'
import { createStreamTopics } from './stream-topics.ts'

export interface LinkOptions {
  readonly maxMessageBytes: number

  /** Seconds until a blocking command comes back by itself. */
  readonly blockTime: number

  readonly addresses: Addresses

  /** Names this client. */
  readonly id: string

  /** Entries that a stream keeps. */
  readonly maxLength: number

  /** Milliseconds after which what another member of a group holds is taken from it. */
  readonly claimAfter: number
}

/** What commlib-py puts into a list to make it exist. */
const QUEUE_INIT = Buffer.from('QueueInit')

/** Milliseconds that what was sent has when closing. */
const CLOSE_GRACE = 1000

/** The verbs over the connections to a server: those for commands, and others for channels and lists once needed. */
export function createLink(server: Server, options: LinkOptions, events: LinkEvents): Link {
  const { maxMessageBytes, addresses, blockTime } = options
  const { send, publish } = server
  const channels = new Channels(server.subscriber, events.error)
  const readers = new ListReaders({
    server,
    blockTime,
    onError: error => events.status({ type: 'error', error: error as Error }),
  })
  const streams = createStreamTopics({
    channels,
    send,
    sendBoth: server.sendBoth,
    line: server.reader,
    serverOf: server.nameOf,
    now: server.now,
    events,
    maxLength: options.maxLength,
    claimAfter: options.claimAfter,
    interval: Math.min(blockTime * 1000, options.claimAfter / 2),
    id: options.id,
    fits,
  })
  const inboxes = new Set<Inbox>()
  const replyLists = new ReplyLists(send)
  let closing: Promise<void> | undefined

  function check(address: string, frame: Frame): void {
    const size = bodySize(frame)
    if (size <= maxMessageBytes) return
    const message = `the message to '${address}' has ${size} bytes, more than maxMessageBytes (${maxMessageBytes})`
    throw new CommlibError('MESSAGE_TOO_LARGE', message)
  }

  function fits(address: string, body: Buffer): boolean {
    if (body.length <= maxMessageBytes) return true
    const message = `a message on '${address}' has ${body.length} bytes, more than maxMessageBytes (${maxMessageBytes})`
    events.error(new CommlibError('MESSAGE_TOO_LARGE', message))
    return false
  }

  async function push(queue: string, frame: Frame): Promise<void> {
    check(queue, frame)
    const answer = splitReturn(queue)
    try {
      if (answer !== undefined) {
        const [list, token] = answer
        const told = replyLists.pushed(list)
        await send('rpush', [list, { frame, prefix: `${token} ` }], told)
        return
      }
      const key = toKey(queue)
      const told = !key.startsWith('rpc-') || replyLists.pushed(key)
      const { expiry } = frame
      const body = expiry === undefined ? { frame, prefix: '' } : withDeadline(frame, server.now(key) + expiry)
      await send('rpush', [key, body], told)
    } catch (error) {
      throw isReply(error) ? refused(`the message to '${queue}' was refused`, error) : error
    }
  }

  function queueSource(queue: string, onFrame: QueueListener, concurrency: number): Source & { stop(): void } {
    const keys = [toKey(queue)]
    let running = 0
    let many = false
    let stopped = false
    const settled = () => {
      if (running-- === concurrency) readers.refresh(source)
    }
    const source: Source & { stop(): void } = {
      keys: () => keys,
      room: () => (stopped ? 0 : concurrency - running),
      // Of two of them the server may not have told yet that it has the answer of the one, and the other came last.
      busy: () => many || running > 2,
      stop: () => {
        stopped = true
      },
      take: (key, items) => {
        if (closing !== undefined) return putBack(key, items)
        many = items.length > 1
        for (const item of items) {
          const { body, deadline } = readDeadline(item)
          const expiry = deadline === undefined ? undefined : deadline - server.now(key)
          if (expiry !== undefined && expiry <= 0) continue
          if (body.equals(QUEUE_INIT) || !fits(queue, body)) continue
          running++
          try {
            const result = onFrame(expiry === undefined ? { body } : { body, expiry })
            if (result === undefined) settled()
            else void result.catch(events.error).then(settled)
          } catch (error) {
            settled()
            events.error(error)
          }
        }
      },
    }
    return source
  }

  /** Popped while closing: somebody else is to have it. */
  function putBack(key: string, items: readonly Buffer[]): void {
    send('lpush', [key, ...items.toReversed()]).catch(events.error)
  }

  async function close(): Promise<void> {
    const ended = streams.end()
    // They delete their lists, for which the reader has to have let go of them; a silent server does not hold this up.
    await Promise.race([
      Promise.all(Array.from(inboxes, inbox => inbox.close())),
      sleep(CLOSE_GRACE, null, { ref: false }),
    ])
    await Promise.all([ended, readers.close(), channels.close()])
    replyLists.flush()
    await server.close(CLOSE_GRACE)
  }

  return {
    publish: (topic, frame, given) => {
      try {
        check(topic, frame)
      } catch (error) {
        return Promise.reject(error)
      }
      if (given?.reliable || given?.latched) {
        const published = streams.publish(topic, frame, given)
        return published.then(nothing, error => {
          throw isReply(error) ? refused(`the message to '${topic}' was refused`, error) : error
        })
      }
      const onRefused = (error: Error) => events.error(refused(`the message to '${topic}' was refused`, error))
      publish(toKey(topic), { frame, prefix: '' }, onRefused)
      return server.room()
    },

    subscribe: async (pattern, onFrame, given = {}) => {
      try {
        return await streams.subscribe(pattern, onFrame, given)
      } catch (error) {
        throw isReply(error) ? refused(`the subscription to '${pattern}' was refused`, error) : error
      }
    },

    push,

    pull: async (queue, onFrame, { concurrency = Infinity } = {}) => {
      const source = queueSource(queue, onFrame, concurrency)
      try {
        // So that a list that may not be read is refused here.
        await readers.check(toKey(queue))
      } catch (error) {
        throw isReply(error) ? refused(`the queue '${queue}' cannot be read`, error) : error
      }
      await readers.add(source)
      return subscription(async () => {
        source.stop()
        await readers.remove(source)
      })
    },

    inbox: async onReply => {
      const inbox = await openInbox(onReply, { addresses, readers, send, fits, onError: events.error })
      inboxes.add(inbox)
      return inbox
    },

    close: () => (closing ??= close()),
  }
}

const nothing = () => {}
