import type { Send } from './connection.ts'
import { isReply, isUnknown, refused } from './errors.ts'
import { WAKE } from './scripts.ts'
import type { Line } from './server.ts'

/** Lists that somebody wants to be read. */
export interface Source {
  /** The lists, now: at least one, and all in one slot of a cluster. */
  keys(): readonly string[]

  /** How many items it takes now. */
  room(): number
  take(key: string, items: readonly Buffer[]): void

  /** Whether more is likely to come soon, and in the same lists. */
  busy(): boolean
}

/** What a {@link ListReader} reads with. */
export interface ListReaderOptions {
  /** Opens a connection that may be blocked. */
  readonly open: () => Promise<Line>

  /** Sends on a connection that is never blocked. */
  readonly send: Send

  /** A list of the reader's own. */
  readonly wakeKey: string

  /** Seconds until a blocking command comes back by itself. */
  readonly blockTime: number

  /** Whether the connection takes commands while another one waits. */
  readonly ahead: boolean
  readonly onError: (error: unknown) => void
}

/** How a server pops: many at once since Redis 7, one and then many since 6.2, one at a time before. */
type Dialect = 'blmpop' | 'blpop and lpop' | 'blpop'

/** Items taken at a time. */
const BATCH = 100

/**
 * Commands sent at a time to busy lists, each of which waits once the one before it has brought something: one write for
 * all, and what comes next is on its way without being asked for. Elsewhere it would cost a tenth of a call's time, as a
 * server begins to wait in the next one before it sends what the one before has brought.
 */
const AHEAD = 8

/** Items that each of them can bring at least, else there is one. */
const FEW = 8

/** Milliseconds until a list that could not be read is tried again. */
const RETRY = 1000

/** Seconds that a wake-up call may lie around. */
const WAKE_EXPIRY = 60

/** Pops lists for all who want it, in blocking commands on a connection of its own. */
export class ListReader {
  readonly #options: ListReaderOptions
  readonly #sources = new Set<Source>()
  readonly #unreadable = new Set<string>()
  #connection: Promise<Line> | undefined
  #dialect: Dialect = 'blmpop'
  #running = false
  #turn = 0

  /** What was asked for and has not come. */
  #asked: Asked | undefined
  #returned: { readonly promise: Promise<void>; resolve(): void } | undefined
  #woken = false
  #retry: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(options: ListReaderOptions) {
    this.#options = options
  }

  /** Rejects if a list may not be read, or is none. */
  async check(key: string): Promise<void> {
    const { send } = this.#options
    try {
      // None of it: LLEN is also allowed to who may only push.
      await send('lpop', [key, 0])
    } catch (error) {
      if (!isUnknown(error)) throw error
      await send('llen', [key])
    }
  }

  /** Resolves when there is a connection to read with. */
  async add(source: Source): Promise<void> {
    this.#connection ??= this.#options.open().catch(error => {
      // The next one may be let in.
      this.#connection = undefined
      throw error
    })
    await this.#connection
    this.#sources.add(source)
    this.refresh()
  }

  /** Resolves when nothing more comes. */
  async remove(source: Source): Promise<void> {
    if (!this.#sources.delete(source) || this.#closed) return
    if (!this.#asked?.wanted.some(wanted => wanted.source === source)) return
    const { promise } = this.#onReturn()
    this.#wake()
    await promise
  }

  /** There may be more lists to read, or more room. */
  refresh(): void {
    if (this.#closed) return
    if (!this.#running) void this.#run()
    else if (this.#asked !== undefined) {
      const asked = new Set(this.#asked.keys)
      if (this.#wanted().some(({ key }) => !asked.has(key))) this.#wake()
    }
  }

  /** Ends reading; what had been popped by then is taken. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#retry)
    const opening = this.#connection
    if (opening === undefined) return
    const connection = await opening.catch(() => undefined)
    if (connection === undefined) return
    if (this.#asked !== undefined) {
      const limit = setTimeout(() => void connection.close(0), 500)
      const { promise } = this.#onReturn()
      this.#wake()
      await promise
      clearTimeout(limit)
    }
    await Promise.all([connection.close(0), this.#options.send('del', [this.#options.wakeKey]).catch(() => {})])
  }

  #onReturn() {
    if (this.#returned === undefined) {
      let resolve = () => {}
      const promise = new Promise<void>(settle => {
        resolve = settle
      })
      this.#returned = { promise, resolve }
    }
    return this.#returned
  }

  #wake(): void {
    if (this.#woken) return
    this.#woken = true
    const { wakeKey, send } = this.#options
    const pushed = send('rpush', [wakeKey, '1']).catch(error => {
      if (isReply(error)) return send('eval', [WAKE.text, 1, wakeKey, WAKE_EXPIRY])
      throw error
    })
    pushed.catch(() => {}) // a connection that has ended needs no waking
    send('expire', [wakeKey, WAKE_EXPIRY]).catch(() => {})
  }

  #wanted(): Wanted[] {
    const wanted: Wanted[] = []
    for (const source of this.#sources) {
      const room = source.room()
      if (room <= 0) continue
      for (const key of source.keys()) {
        if (!this.#unreadable.has(key)) wanted.push({ key, room, source })
      }
    }
    return wanted
  }

  async #run(): Promise<void> {
    this.#running = true
    let others = false
    try {
      const connection = await this.#connection
      if (connection === undefined) return
      while (!this.#closed) {
        const wanted = this.#wanted()
        if (wanted.length === 0) return
        // Redis takes from the first list that has something: each gets to be the first.
        const first = this.#turn++ % wanted.length
        const ordered = first === 0 ? wanted : [...wanted.slice(first), ...wanted.slice(0, first)]
        await this.#read(connection, ordered)
      }
    } catch (error) {
      if (!isReply(error) || this.#closed) return
      others = await this.#sortOut(error)
    } finally {
      this.#running = false
      this.#back()
      if (others) this.refresh()
    }
  }

  #back(): void {
    this.#asked = undefined
    this.#woken = false
    this.#returned?.resolve()
    this.#returned = undefined
  }

  async #read(connection: Line, wanted: readonly Wanted[]): Promise<void> {
    const asked = this.#ask(connection, wanted)
    this.#asked = asked
    let failure: unknown
    for (let left = asked.answers.length; left > 0; left--) {
      try {
        await this.#receive(connection, asked, left)
      } catch (error) {
        failure ??= error
      }
      // A call wakes one of them. Where one has failed, nobody knows whether the others fail too, or wait.
      if (left === 1 || !(this.#woken || failure !== undefined)) continue
      this.#woken = false
      this.#wake()
    }
    this.#back()
    if (failure === undefined) return
    if (!isUnknown(failure) || this.#dialect !== 'blmpop') throw failure
    this.#dialect = 'blpop and lpop'
  }

  #ask(connection: Line, wanted: readonly Wanted[]): Asked {
    const { wakeKey, blockTime, ahead } = this.#options
    const keys = [wakeKey]
    let room = Infinity
    let busy = ahead && this.#dialect === 'blmpop'
    for (const each of wanted) {
      keys.push(each.key)
      if (each.room < room) room = each.room
      busy &&= each.source.busy()
    }
    const times = busy && room >= AHEAD * FEW ? AHEAD : 1
    const count = Math.min(BATCH, Math.floor(room / times))
    const answers: Promise<unknown>[] = []
    for (let i = 0; i < times; i++) {
      const answer =
        this.#dialect === 'blmpop'
          ? connection.send('blmpop', [blockTime, keys.length, ...keys, 'left', 'count', count])
          : connection.send('blpop', [...keys, blockTime])
      answer.catch(() => {}) // each is awaited in its turn
      answers.push(answer)
    }
    return { wanted, keys, count, answers }
  }

  async #receive(connection: Line, { wanted, count, answers }: Asked, left: number): Promise<void> {
    // The protocol's answer: nothing in time, or the list and its items, or its item.
    const found = (await answers[answers.length - left]) as [Buffer, Buffer | Buffer[]] | null
    if (found === null) return
    const [name, popped] = found
    const items = Array.isArray(popped) ? popped : [popped]
    const key = name.toString()
    const target = wanted.find(each => each.key === key)
    if (target === undefined) return
    const more = Math.min(target.source.room(), BATCH) - items.length
    target.source.take(key, items)
    // BLPOP gives one, and the others' room is not what limits this one.
    const full = items.length === (this.#dialect === 'blmpop' ? count : 1)
    if (left === 1 && full && more > 0 && this.#dialect !== 'blpop') {
      const rest = await this.#popMore(connection, key, more)
      if (rest.length > 0) target.source.take(key, rest)
    }
  }

  async #popMore(connection: Line, key: string, count: number): Promise<readonly Buffer[]> {
    try {
      return ((await connection.send('lpop', [key, count])) as Buffer[] | null) ?? []
    } catch (error) {
      if (!isUnknown(error)) throw error
      this.#dialect = 'blpop'
      return []
    }
  }

  /** One list that cannot be read must not keep the others from being read. Whether it is known which one. */
  async #sortOut(error: Error): Promise<boolean> {
    const { onError } = this.#options
    const before = this.#unreadable.size
    for (const { key } of this.#wanted()) {
      await this.check(key).catch(cause => {
        if (!isReply(cause)) return
        this.#unreadable.add(key)
        onError(refused(`'${key}' cannot be read, and is tried again in ${RETRY} ms`, cause))
      })
    }
    const known = this.#unreadable.size > before
    if (!known) onError(refused('reading lists failed', error))
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      this.#unreadable.clear()
      this.refresh()
    }, RETRY)
    return known
  }
}

/** Commands that wait, one after the other, and for what. */
interface Asked {
  readonly wanted: readonly Wanted[]

  /** The lists, and the reader's own. */
  readonly keys: readonly string[]

  /** Items that each can bring. */
  readonly count: number
  readonly answers: ReadonlyArray<Promise<unknown>>
}

interface Wanted {
  readonly key: string
  readonly room: number
  readonly source: Source
}
