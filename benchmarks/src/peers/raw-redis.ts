import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { Value } from '../payload.ts'
import { namesOf, type Peer, patternOf, topicOf } from './peer.ts'

interface Request {
  readonly id: number
  readonly replyTo: string
  readonly data: Value
}

type Response = Pick<Request, 'id' | 'data'>

/** What `XREADGROUP` and `XREAD` answer: of each stream its name and entries, of each entry its id and fields. */
type Read = readonly [string, readonly [string, readonly string[]][]][] | null

/**
 * ioredis by itself, used as its README shows: RPC with `RPUSH` and one `BLPOP` after the other, events with
 * `PUBLISH`, and what must not get lost in a stream, read as its README's loop reads it.
 */
export function rawRedis(): Peer {
  const { call, events } = namesOf('raw')

  /** With RESP2, whose answers are arrays; what a connection blocks on, nothing else can use. */
  async function open(url: string): Promise<Redis> {
    const redis = new Redis(url, { protocol: 2 })
    await once(redis, 'ready')
    return redis
  }

  /** Takes one item after the other off a list, for as long as the process lives. */
  async function popAll<Item>(url: string, list: string, onItem: (item: Item) => void): Promise<void> {
    const redis = await open(url)
    const loop = async () => {
      for (;;) {
        const popped = await redis.blpop(list, 0)
        if (popped !== null) onItem(JSON.parse(popped[1]) as Item)
      }
    }
    void loop()
  }

  return {
    name: 'ioredis',
    semantics: {
      rpc: {
        class: 'best-effort',
        about: 'RPUSH and BLPOP, one reply list, correlation ids; no deadline, no validation',
      },
      events: { class: 'best-effort', about: 'Pub/Sub; no validation' },
      confirmed: { class: 'confirmed', about: 'XADD to a stream of about 100,000, read with XREAD; no validation' },
      acked: { class: 'acked', about: 'XADD, read with XREADGROUP, XACK after the handler; no validation' },
    },

    serve: async (url, onValue) => {
      const redis = await open(url)
      await popAll<Request>(url, call, ({ id, replyTo, data }) => {
        onValue(data)
        void redis.rpush(replyTo, JSON.stringify({ id, data } satisfies Response))
      })
    },

    caller: async url => {
      const redis = await open(url)
      const replyTo = `${call}.replies.${process.pid}`
      const pending = new Map<number, (value: Value) => void>()
      let count = 0
      await popAll<Response>(url, replyTo, ({ id, data }) => {
        pending.get(id)?.(data)
        pending.delete(id)
      })
      return data =>
        new Promise(resolve => {
          const id = count++
          pending.set(id, resolve)
          void redis.rpush(call, JSON.stringify({ id, replyTo, data } satisfies Request))
        })
    },

    subscribe: async (url, onValue, row) => {
      const redis = await open(url)
      if (row.deed === 'events') {
        redis.on('message', (_, message) => onValue(JSON.parse(message) as Value))
        redis.on('pmessage', (_pattern, _, message) => onValue(JSON.parse(message) as Value))
        if (row.topics === undefined) await redis.subscribe(events)
        else await redis.psubscribe(patternOf(events, row))
        return
      }
      if (row.deed === 'confirmed') return void follow(redis, events, onValue)
      const group = row.group ? 'bench' : `bench-${process.pid}`
      // A group that another member has made is no failure.
      await redis.xgroup('CREATE', events, group, '$', 'MKSTREAM').catch(() => {})
      void followGroup(redis, await open(url), { group, onValue })
    },

    publisher: async (url, row) => {
      const redis = await open(url)
      if (row.deed !== 'events')
        return async value =>
          void (await redis.xadd(events, 'MAXLEN', '~', 100_000, '*', 'value', JSON.stringify(value)))
      return (value, index) => {
        void redis.publish(topicOf(events, row, index), JSON.stringify(value))
        return redis.stream.writableNeedDrain ? once(redis.stream, 'drain').then(() => {}) : undefined
      }
    },
  }

  async function follow(redis: Redis, stream: string, onValue: (value: Value) => void): Promise<void> {
    for (let last = '$'; ; ) {
      const read = (await redis.xread('COUNT', 100, 'BLOCK', 0, 'STREAMS', stream, last)) as Read
      for (const [id, [, value]] of read?.[0]?.[1] ?? []) {
        last = id
        onValue(JSON.parse(value as string) as Value)
      }
    }
  }

  async function followGroup(
    redis: Redis,
    acks: Redis,
    { group, onValue }: { readonly group: string; readonly onValue: (value: Value) => void },
  ): Promise<void> {
    const consumer = `${process.pid}-${Math.random()}`
    for (;;) {
      const read = (await redis.xreadgroup(
        ...(['GROUP', group, consumer, 'COUNT', 100, 'BLOCK', 0, 'STREAMS', events, '>'] as const),
      )) as Read
      const entries = read?.[0]?.[1] ?? []
      for (const [, [, value]] of entries) onValue(JSON.parse(value as string) as Value)
      if (entries.length > 0) void acks.xack(events, group, ...entries.map(([id]) => id))
    }
  }
}
