import {
  bodySize,
  CommlibError,
  type Frame,
  isPattern,
  type LinkEvents,
  type LinkSubscribeOptions,
  type LinkSubscription,
  type PublishOptions,
  type Subscription,
  subscription,
  type TopicListener,
} from '@commlib/core/internal'
import type { Channels, Receiver } from './channels.ts'
import type { Send } from './connection.ts'
import { fromFields, toFields } from './fields.ts'
import { toKey } from './names.ts'
import { type Encoded, encode } from './resp/writer.ts'
import { LEAVE_GROUP, PUBLISH_LATCHED, PUBLISH_RELIABLE, RELEASE_NAME, scriptRunner } from './scripts.ts'
import type { Line, Server } from './server.ts'
import { createState, StreamReader, type StreamState } from './stream-reader.ts'

export interface StreamTopicsOptions {
  readonly channels: Channels
  readonly send: Send
  readonly sendBoth: Server['sendBoth']

  /** Opens a connection to wait at a stream. */
  readonly line: Server['reader']

  /** Names the server that has this key. */
  readonly serverOf: (key: string) => string

  /** The clock of that server. */
  readonly now: (key: string) => number
  readonly events: LinkEvents

  /** Entries that a stream keeps. */
  readonly maxLength: number

  /** Milliseconds after which what another member of a group holds is taken from it. */
  readonly claimAfter: number

  /** Milliseconds until a stream is looked at without a reason. */
  readonly interval: number

  /** Names this client. */
  readonly id: string
  readonly fits: (topic: string, body: Buffer) => boolean
}

/** What a subscription remembers from one connection to the next. */
interface Memory {
  readonly stream: StreamState
  established: boolean
  readonly owner: string
}

const SPACE = 0x20

/** Whether a body heard on a channel is the copy of an entry of the topic's stream. */
export function isMarked(body: Buffer): boolean {
  return body[0] === SPACE
}

/** Keys of one topic are in one slot of a cluster. */
const streamKey = (topic: string) => `commlib:stream:{${toKey(topic)}}`
const latchedKey = (topic: string) => `commlib:latched:{${toKey(topic)}}`
const ownerKey = (topic: string, durable: string) => `commlib:owner:{${toKey(topic)}}:${durable}`

/** What each reliable message to a topic is sent with. */
interface Head {
  /** Of the stream. */
  readonly key: string

  /** Of the script. */
  readonly script: Encoded

  /** Of the commands that it can be replaced by. */
  readonly entry: Encoded
  readonly channel: Encoded
}

/** Topics for which that is kept. */
const MAX_HEADS = 10_000

/** Members of groups that have a connection of their own to wait on. Any other one is told by the copies. */
const MAX_LINES = 16

/** A body up to this many bytes is sent twice rather than in a script. */
const SHORT = 4096

let members = 0

/** Topics whose messages are kept: in streams for who must not miss one, and the last one for who comes late. */
export function createStreamTopics(options: StreamTopicsOptions) {
  const { channels, send, sendBoth, line, serverOf, now, events, maxLength, claimAfter, interval, id, fits } = options
  const run = scriptRunner(send, serverOf)
  const readers = new Set<StreamReader>()
  const heads = new Map<string, Head>()
  let lines = 0

  function publish(topic: string, frame: Frame, given: PublishOptions): Promise<unknown> {
    const { expiry } = frame
    const head = headOf(topic)
    const { key } = head
    const fields = toFields(frame, () => now(key))
    if (!given.latched) {
      // What the script does, in commands of their own, which take the server half its time.
      if (sendBoth !== undefined && bodySize(frame) <= SHORT) {
        const copy = { frame, prefix: ' ' }
        return sendBoth(['xadd', [head.entry, ...fields]], ['publish', [head.channel, copy]])
      }
      return run(PUBLISH_RELIABLE, key, [head.script, ...fields])
    }
    const over = expiry === undefined ? '' : Math.round(now(key) + expiry)
    const latched = latchedKey(topic)
    if (!given.reliable) return run(PUBLISH_LATCHED, key, [1, latched, toKey(topic), over, ...fields])
    return run(PUBLISH_RELIABLE, key, [2, key, latched, maxLength, toKey(topic), over, ...fields])
  }

  function headOf(topic: string): Head {
    let head = heads.get(topic)
    if (head === undefined) {
      if (heads.size >= MAX_HEADS) heads.clear()
      const key = streamKey(topic)
      head = {
        key,
        script: encode([1, key, maxLength, toKey(topic), '']),
        entry: encode([key, 'MAXLEN', '~', maxLength, '*']),
        channel: encode([toKey(topic)]),
      }
      heads.set(topic, head)
    }
    return head
  }

  /** Resolves once it is read, not taken: so that none that is published from then on is given as one that was kept. */
  async function giveLatched(topic: string, onFrame: TopicListener): Promise<void> {
    const kept = await readLatched(topic).catch(events.error)
    if (kept) void (async () => onFrame(topic, kept))().catch(events.error)
  }

  async function readLatched(topic: string): Promise<Frame | undefined> {
    // In capitals, since ioredis makes an object of what the other one answers.
    const key = latchedKey(topic)
    const fields = (await send('HGETALL', [key])) as Buffer[]
    const frame = fields.length === 0 ? undefined : fromFields(fields, () => now(key))
    if (frame === undefined || frame === 'expired' || !fits(topic, frame.body)) return undefined
    return { ...frame, latched: true }
  }

  async function subscribe(
    topic: string,
    onFrame: TopicListener,
    given: LinkSubscribeOptions,
  ): Promise<LinkSubscription> {
    const { reliable, latched, group, durable } = given
    const streamed = reliable || group !== undefined || durable !== undefined
    if (isPattern(topic) && (streamed || latched)) {
      throw new CommlibError(
        'UNSUPPORTED',
        `redis: '${topic}' is a pattern, which cannot be reliable, latched, durable or a group's: subscribe to each topic`,
      )
    }
    if (group !== undefined && latched) {
      throw new CommlibError(
        'UNSUPPORTED',
        `redis: group '${group}' cannot be latched: its members have no first message each`,
      )
    }
    if (!streamed) {
      const plain = await channels.listen(topic, (name, body) => {
        const bare = isMarked(body) ? body.subarray(1) : body
        return fits(name, bare) ? onFrame(name, { body: bare }) : undefined
      })
      if (latched) await giveLatched(topic, onFrame)
      return plain
    }
    return streamedSubscription(topic, onFrame, given, remember(given))
  }

  function remember({ memory = {} }: LinkSubscribeOptions): Memory {
    const fresh: Memory = { stream: createState(), established: false, owner: `${id}-${++members}` }
    memory.state ??= fresh
    return memory.state as Memory // nobody else writes it
  }

  async function streamedSubscription(
    topic: string,
    onFrame: TopicListener,
    { group, durable, member, latched }: LinkSubscribeOptions,
    memory: Memory,
  ): Promise<LinkSubscription> {
    const key = streamKey(topic)
    const shared = group !== undefined
    const name = [durable ?? 'commlib', ...(shared ? [group] : [])].join(':')
    const consumer = member ?? (shared ? memory.owner : 'commlib')
    const grouped = shared || durable !== undefined
    const take = (frame: Frame & { readonly body: Buffer }) =>
      fits(topic, frame.body) ? onFrame(topic, frame) : undefined
    const waiting = shared && lines < MAX_LINES ? await openLine(key) : undefined
    const reader = new StreamReader({
      key,
      send,
      line: waiting,
      now: () => now(key),
      interval,
      state: memory.stream,
      group: grouped ? { name, consumer, durable, claimAfter: shared ? claimAfter : undefined } : undefined,
      receive: take,
      events,
    })
    readers.add(reader)
    const opened: Subscription[] = []
    const single = durable !== undefined && !shared
    let taken = false
    let tell: (error: CommlibError) => void = () => {}
    const ended = new Promise<CommlibError>(resolve => {
      tell = resolve
    })
    const stop = () => {
      if (taken) return
      taken = true
      void reader.end()
      readers.delete(reader)
      for (const each of opened) void each.close()
      const message = `the durable '${durable}' on '${topic}' is used by another subscriber now`
      tell(new CommlibError('SESSION_TAKEN', message))
    }
    try {
      const hear: Receiver = (_, body) => {
        if (isMarked(body)) reader.poke()
        // A member of a group cannot know whether another one takes what is in no stream.
        else if (!shared) return take({ body })
      }
      if (waiting === undefined) opened.push(await channels.listen(topic, hear))
      if (single) opened.push(await takeName(topic, durable, memory, stop))
      if (taken) await Promise.all(opened.map(each => each.close()))
      else await reader.start()
      memory.established = true
      if (latched) await giveLatched(topic, onFrame)
    } catch (error) {
      await reader.end()
      readers.delete(reader)
      await Promise.all(opened.map(each => each.close()))
      throw error
    }
    const stream = subscription(async () => {
      readers.delete(reader)
      // A member of a group gets what it was given, since nobody else does; another one is to get it again.
      if (!shared) void reader.end()
      await Promise.all(opened.map(each => each.close()))
      await reader.close()
      if (shared && durable === undefined) {
        const leave = () => run(LEAVE_GROUP, key, [1, key, name, consumer]).catch(() => {})
        if (memory.stream.running.size === 0) await leave()
        else memory.stream.idle = () => void leave()
      }
      if (!single) return
      const owned = ownerKey(topic, durable)
      await run(RELEASE_NAME, owned, [1, owned, memory.owner]).catch(() => {})
    })
    return Object.assign(stream, { ended })
  }

  async function openLine(key: string): Promise<Line> {
    lines++
    const opened = await line(key).catch(error => {
      lines--
      throw error
    })
    return {
      send: opened.send,
      close: async grace => {
        lines--
        await opened.close(grace)
      },
    }
  }

  /** A durable name has one user: who comes later takes it over, and the one before is told. */
  async function takeName(topic: string, durable: string, memory: Memory, taken: () => void): Promise<Subscription> {
    const key = ownerKey(topic, durable)
    let named = false
    const ask = async () => {
      if (String(await send('get', [key])) !== memory.owner) taken()
    }
    const listening = await channels.listen(key, (_, body) => {
      // In a cluster, what an earlier user said may be heard long after it: only the key knows who came last.
      if (named && body.toString() !== memory.owner) ask().catch(() => {}) // the connection's end is told by itself
    })
    const owner = memory.established ? await send('get', [key]) : null
    if (owner !== null && String(owner) !== memory.owner) taken()
    else {
      named = true
      await send('set', [key, memory.owner])
      await send('publish', [key, memory.owner])
    }
    return listening
  }

  return {
    publish,
    subscribe,
    /** Nothing more is handed over. */
    end: async () => {
      await Promise.all(Array.from(readers, reader => reader.end()))
    },
  }
}
