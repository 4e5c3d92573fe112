import { setTimeout as sleep } from 'node:timers/promises'
import { CommlibError, type Frame, type LinkEvents } from '@commlib/core/internal'
import type { Send } from './connection.ts'
import { isReply, refused } from './errors.ts'
import { fromFields } from './fields.ts'
import type { Line } from './server.ts'

/** What a subscription knows of its stream, through all connections. */
export interface StreamState {
  /** The last entry that was handed over. */
  last: string | undefined

  /** Entries that are being handled. */
  readonly running: Set<string>

  /** Acknowledges on the connection that there is now. */
  acknowledge: (id: string) => void

  /** Is told when nothing is being handled any more. */
  idle: (() => void) | undefined
}

export interface StreamReaderOptions {
  /** The stream. */
  readonly key: string
  readonly send: Send

  /**
   * Its own to wait on for the next entry, for groups alone. The server gives an entry to who has waited longest, where a
   * poke would make all members ask for it. Without, it reads when it is poked.
   */
  readonly line?: Line | undefined

  /** The server's clock. */
  readonly now: () => number

  /** Milliseconds until it looks without being told to. */
  readonly interval: number
  readonly state: StreamState

  /** The consumer group it reads for, if any. */
  readonly group?: StreamGroup | undefined
  readonly receive: (frame: Frame & { readonly body: Buffer }) => void | Promise<void>
  readonly events: Pick<LinkEvents, 'error' | 'status'>
}

export interface StreamGroup {
  readonly name: string
  readonly consumer: string

  /** What is told when the server has forgotten it. */
  readonly durable: string | undefined

  /** Milliseconds after which what another member holds is taken from it; `undefined` where there are none. */
  readonly claimAfter?: number | undefined
}

/** Entries that may be handled at the same time. */
const WINDOW = 256

/** Milliseconds that the other members of a group have to be first. */
const TURN = 1

/** Entries of one read that show that they stream. */
const MANY = 8

/** Milliseconds for which that goes on: members take turns at getting many. */
const MEANWHILE = 20

/** Milliseconds that a member rests between two reads of a stream that streams. */
const REST = 1

type Entry = readonly [id: Buffer, fields: readonly Buffer[] | null]

function isRemoved([, fields]: Entry): boolean {
  return fields === null
}

export function createState(): StreamState {
  return { last: undefined, running: new Set(), acknowledge: () => {}, idle: undefined }
}

/** Hands over the entries of one stream, in order, whenever it is poked. */
export class StreamReader {
  readonly #options: StreamReaderOptions
  #reading: Promise<void> | undefined
  #started = false
  #again = false
  #closed = false
  #ended = false
  #acknowledged: string[] = []
  #sending: Promise<unknown> = Promise.resolve()
  #timer: ReturnType<typeof setInterval> | undefined
  #claimed = 0
  #took = false
  #streamed = -Infinity

  constructor(options: StreamReaderOptions) {
    this.#options = options
  }

  /** Resolves when it knows where to begin. */
  async start(): Promise<void> {
    const { state, group, key, send, interval } = this.#options
    const resumed = state.last !== undefined
    state.acknowledge = id => this.#acknowledge(id)
    if (group === undefined) {
      if (!resumed) state.last = await this.#newest()
    } else {
      if (group.claimAfter !== undefined) await this.#assertClaims(group)
      const lost = await this.#createGroup(group)
      if (lost && resumed) this.#groupLost(group)
      if (!lost) {
        const groups = (await send('xinfo', ['groups', key])) as Buffer[][]
        const found = groups.map(toRecord).find(({ name }) => String(name) === group.name)
        state.last ??= String(found?.['last-delivered-id'] ?? '0-0')
      }
    }
    await this.#checkGap()
    if (group !== undefined) await this.#readPending(group)
    this.#timer = setInterval(() => this.poke(), interval)
    this.#timer.unref()
    this.#started = true
    this.poke()
  }

  /** There may be something new. */
  poke(): void {
    // What is new comes after what was given before.
    if (this.#closed || !this.#started) return
    if (this.#reading !== undefined) {
      this.#again = true
      return
    }
    this.#reading = this.#afterOthers().finally(() => {
      this.#reading = undefined
      if (this.#again) {
        this.#again = false
        this.poke()
      }
    })
  }

  /** Nothing more is handed over but what the server has given already. */
  async close(): Promise<void> {
    await this.#hangUp()
    await this.#reading
    const { line, group, state } = this.#options
    // What was on its way when it hung up.
    if (line !== undefined && group !== undefined) await this.#readPending(group, { after: state.last }).catch(() => {})
    this.#flush()
    await this.#sending
  }

  /** Nothing more is handed over at all. What is being handled is acknowledged still, when it is. */
  async end(): Promise<void> {
    this.#ended = true
    this.#flush()
    await this.#hangUp()
  }

  /** When the line has ended, the server gives nothing more to who waited there. */
  async #hangUp(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    await this.#options.line?.close(0)
  }

  /** All members of a group are told at the same time: who had the last entry lets the others go first. */
  async #afterOthers(): Promise<void> {
    const { group, line } = this.#options
    if (this.#took && line === undefined && group?.claimAfter !== undefined) await sleep(TURN)
    this.#took = false
    await this.#read()
  }

  async #read(): Promise<void> {
    const { state, group, line } = this.#options
    try {
      for (;;) {
        const room = WINDOW - state.running.size
        if (room <= 0 || this.#closed) return
        await this.#claim(group, room)
        if (this.#closed) return
        const entries = entriesOf(await this.#next(group, room))
        this.#took ||= entries.length > 0
        this.#deliver(entries)
        if (entries.length === room) await this.#checkGap()
        else if (line === undefined) return
        else await this.#rest(entries.length)
      }
    } catch (error) {
      await this.#failed(error)
    }
  }

  /** Lets more come together: a read of twice as many takes hardly longer, at both ends. */
  async #rest(count: number): Promise<void> {
    const now = performance.now()
    if (count >= MANY) this.#streamed = now
    if (count > 0 && now - this.#streamed < MEANWHILE) await sleep(REST)
  }

  #next(group: StreamGroup | undefined, count: number): Promise<unknown> {
    const { key, send, line, interval, state } = this.#options
    if (group === undefined) return send('xread', ['count', count, 'streams', key, state.last ?? '0-0'])
    const as = ['group', group.name, group.consumer, 'count', count]
    if (line === undefined) return send('xreadgroup', [...as, 'streams', key, '>'])
    // With the same write.
    this.#flush(line.send)
    return line.send('xreadgroup', [...as, 'block', Math.ceil(interval), 'streams', key, '>'])
  }

  async #failed(error: unknown): Promise<void> {
    const { group, key, events } = this.#options
    if (!isReply(error) || this.#closed) return // the connection's end is told by itself
    if (group !== undefined && error.message.startsWith('NOGROUP')) {
      try {
        if (await this.#createGroup(group)) this.#groupLost(group)
        this.#again = true
      } catch (cause) {
        if (isReply(cause)) events.error(refused(`the group '${group.name}' could not be made again`, cause))
      }
      return
    }
    events.error(refused(`'${key}' cannot be read`, error))
  }

  /** Whether it was not there. */
  async #createGroup({ name }: StreamGroup): Promise<boolean> {
    const { key, send, state } = this.#options
    try {
      await send('xgroup', ['create', key, name, state.last ?? '$', 'mkstream'])
      state.last ??= await this.#newest()
      return true
    } catch (error) {
      if (isReply(error) && error.message.startsWith('BUSYGROUP')) return false
      throw error
    }
  }

  #groupLost({ name, durable }: StreamGroup): void {
    const { status } = this.#options.events
    status({ type: 'session-lost', durable })
    status({ type: 'messages-lost', reason: `the server has forgotten the group '${name}' and what it held for it` })
  }

  async #newest(): Promise<string> {
    const { key, send } = this.#options
    const newest = (await send('xrevrange', [key, '+', '-', 'count', 1])) as Entry[]
    return newest[0] === undefined ? '0-0' : String(newest[0][0])
  }

  /** What this consumer was given and has not acknowledged, before it was here or before the connection was. */
  async #readPending(
    { name, consumer }: StreamGroup,
    { after = '0', only = () => true }: { after?: string | undefined; only?: (entry: Entry) => boolean } = {},
  ): Promise<void> {
    const { key, send } = this.#options
    for (;;) {
      const reply = await send('xreadgroup', ['group', name, consumer, 'count', WINDOW, 'streams', key, after])
      const entries = entriesOf(reply)
      this.#deliver(entries.filter(only))
      const last = entries.at(-1)
      if (last === undefined) return
      after = String(last[0])
    }
  }

  /** Without taking over from dead members, a group would lose what they held. */
  async #assertClaims({ name }: StreamGroup): Promise<void> {
    const { key, send } = this.#options
    try {
      // Not all that it takes, so that it is refused where it is known, too.
      await send('xautoclaim', [key])
    } catch (error) {
      if (!isReply(error) || !/unknown command/.test(error.message)) return
      const message = `the group '${name}' needs XAUTOCLAIM, which this server does not have: Redis has it since 6.2`
      throw new CommlibError('UNSUPPORTED', message)
    }
  }

  /** Takes what another member has held for too long: it is dead. */
  async #claim(group: StreamGroup | undefined, room: number): Promise<void> {
    if (group?.claimAfter === undefined) return
    const now = performance.now()
    if (now - this.#claimed < group.claimAfter / 2) return
    this.#claimed = now
    const { key, send } = this.#options
    const args = [key, group.name, group.consumer, group.claimAfter, '0-0', 'count', room]
    const reply = (await send('xautoclaim', args)) as [Buffer, Array<Entry | null>, Buffer[]?]
    const [, claimed, forgotten = []] = reply
    const entries = claimed.filter(entry => entry !== null)
    this.#deliver(entries)
    if (forgotten.length > 0) this.#removed(forgotten.length)
    // What was removed is forgotten since Redis 7; before, it is this member's now, under an id that is not told here.
    if (entries.length < claimed.length) await this.#readPending(group, { only: isRemoved })
  }

  #removed(count: number): void {
    const { events, key } = this.#options
    const reason = `entries of '${key}' were removed before they were handled: the stream's maxLength is too small`
    events.status({ type: 'messages-lost', count, reason })
  }

  #deliver(entries: readonly Entry[]): void {
    const { state, now, receive, events, key } = this.#options
    if (this.#ended) return
    for (const [bytes, fields] of entries) {
      const id = String(bytes)
      if (state.running.has(id)) continue
      if (isAfter(id, state.last)) state.last = id
      if (fields === null) {
        this.#removed(1)
        state.acknowledge(id)
        continue
      }
      const frame = fromFields(fields, now)
      if (frame === undefined) {
        events.error(new CommlibError('INVALID_MESSAGE', `entry ${id} of '${key}' has no field 'body'`))
      }
      if (frame === undefined || frame === 'expired') {
        state.acknowledge(id)
        continue
      }
      state.running.add(id)
      const settled = () => {
        state.running.delete(id)
        state.acknowledge(id)
      }
      try {
        const result = receive(frame)
        if (result === undefined) settled()
        else void result.catch(events.error).then(settled)
      } catch (error) {
        settled()
        events.error(error)
      }
    }
  }

  #acknowledge(id: string): void {
    // One that stood still for want of room.
    if (this.#options.state.running.size === WINDOW - 1) this.poke()
    if (this.#options.group === undefined) return
    if (this.#acknowledged.push(id) === 1) setImmediate(() => this.#flush())
    const { state } = this.#options
    if (state.running.size > 0 || state.idle === undefined) return
    this.#flush()
    state.idle()
    state.idle = undefined
  }

  #flush(send = this.#options.send): void {
    const { group, key } = this.#options
    const ids = this.#acknowledged
    if (ids.length === 0 || group === undefined) return
    this.#acknowledged = []
    // What could not be acknowledged comes again.
    this.#sending = send('xack', [key, group.name, ...ids]).catch(() => {})
  }

  /** Entries that were trimmed away before they were read. */
  async #checkGap(): Promise<void> {
    const { key, send, state, events } = this.#options
    const { last } = state
    if (last === undefined) return
    const [there, info] = await Promise.all([
      last === '0-0' ? [] : send('xrange', [key, last, last]),
      send('xinfo', ['stream', key]).catch(error => (/no such key/.test(String(error)) ? [] : undefined)),
    ])
    if (info === undefined || (there as Entry[]).length > 0) return
    const { length, 'entries-added': added, 'first-entry': first, ...rest } = toRecord(info as Buffer[])
    const newest = String(rest['last-generated-id'] ?? '0-0')
    // A server that has taken over without the last entries, and whose clock is behind, begins before them.
    if (isAfter(last, newest)) state.last = newest
    const oldest = Array.isArray(first) ? String(first[0]) : undefined
    // It stood at the very end of what was trimmed, or before it: nobody knows any more.
    const trimmed = added === undefined ? last !== '0-0' : Number(added) > Number(length)
    if (!trimmed || oldest === undefined || !isAfter(oldest, last)) return
    state.last = before(oldest)
    const reason = `the stream '${key}' was trimmed before all of it was read: its maxLength is too small for this subscriber`
    events.status({ type: 'messages-lost', reason })
  }
}

function entriesOf(reply: unknown): readonly Entry[] {
  if (!Array.isArray(reply)) return []
  // One stream was asked for: its name and its entries, in a list of streams or, with RESP3, without.
  const [first, entries] = reply
  return Array.isArray(first) ? first[1] : entries
}

function toRecord(pairs: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (let i = 0; i + 1 < pairs.length; i += 2) record[String(pairs[i])] = pairs[i + 1]
  return record
}

/** Whether an entry comes after another one. Their ids are two numbers, too long for a number, without leading zeros. */
export function isAfter(id: string, other: string | undefined): boolean {
  if (other === undefined) return true
  const dash = id.indexOf('-')
  const otherDash = other.indexOf('-')
  if (dash !== otherDash) return dash > otherDash
  // Numbers of as many digits compare like texts.
  if (id.length === other.length || !id.startsWith(other.slice(0, dash))) return id > other
  return id.length > other.length
}

/** An id right before this one. */
function before(id: string): string {
  const [milliseconds = 0n, sequence = 0n] = id.split('-').map(BigInt)
  return sequence > 0n ? `${milliseconds}-${sequence - 1n}` : `${milliseconds - 1n}-18446744073709551615`
}
