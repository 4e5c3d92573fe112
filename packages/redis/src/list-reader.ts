import type { Argument } from './connection.ts'
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
}

/** What a {@link ListReader} reads with. */
export interface ListReaderOptions {
  /** Opens a connection that may be blocked. */
  readonly open: () => Promise<Line>

  /** Sends on a connection that is never blocked. */
  readonly send: (name: string, args: Argument[]) => Promise<unknown>

  /** A list of the reader's own. */
  readonly wakeKey: string

  /** Seconds until a blocking command comes back by itself. */
  readonly blockTime: number
  readonly onError: (error: unknown) => void
}

/** How a server pops: many at once since Redis 7, one and then many since 6.2, one at a time before. */
type Dialect = 'blmpop' | 'blpop and lpop' | 'blpop'

/** Items taken at a time. */
const BATCH = 100

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

  /** The lists of the command that is waiting. */
  #waiting: readonly string[] | undefined
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
    if (!source.keys().some(key => this.#waiting?.includes(key))) return
    const { promise } = this.#onReturn()
    this.#wake()
    await promise
  }

  /** There may be more lists to read, or more room. */
  refresh(): void {
    if (this.#closed) return
    if (!this.#running) void this.#run()
    else if (this.#waiting !== undefined) {
      const waiting = new Set(this.#waiting)
      if (this.#wanted().some(({ key }) => !waiting.has(key))) this.#wake()
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
    if (this.#waiting !== undefined) {
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
        if (!this.#unreadable.has(key)) wanted.push({ key, room: Math.min(room, BATCH), source })
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
    this.#waiting = undefined
    this.#woken = false
    this.#returned?.resolve()
    this.#returned = undefined
  }

  async #read(connection: Line, wanted: readonly Wanted[]): Promise<void> {
    const { wakeKey, blockTime } = this.#options
    const keys = [wakeKey]
    let count = BATCH
    for (const { key, room } of wanted) {
      keys.push(key)
      if (room < count) count = room
    }
    this.#waiting = keys
    let popped: Popped | undefined
    try {
      popped = await this.#pop(connection, keys, count, blockTime)
    } catch (error) {
      if (!isUnknown(error) || this.#dialect !== 'blmpop') throw error
      this.#dialect = 'blpop and lpop'
      return
    }
    const [key, items] = popped ?? [wakeKey, []]
    const target = wanted.find(each => each.key === key)
    if (target === undefined) return this.#back()
    const more = Math.min(target.source.room(), BATCH) - items.length
    target.source.take(key, items)
    // BLPOP gives one, and the others' room is not what limits this one.
    const full = items.length === (this.#dialect === 'blmpop' ? count : 1)
    if (full && more > 0 && this.#dialect !== 'blpop') {
      const rest = await this.#popMore(connection, key, more)
      if (rest.length > 0) target.source.take(key, rest)
    }
    this.#back()
  }

  async #pop(connection: Line, keys: readonly string[], count: number, blockTime: number): Promise<Popped | undefined> {
    if (this.#dialect === 'blmpop') {
      const reply = await connection.send('blmpop', [blockTime, keys.length, ...keys, 'left', 'count', count])
      // The protocol's answer to BLMPOP: nothing in time, or the list and its items.
      const found = reply as [Buffer, Buffer[]] | null
      return found === null ? undefined : [found[0].toString(), found[1]]
    }
    const found = (await connection.send('blpop', [...keys, blockTime])) as [Buffer, Buffer] | null
    return found === null ? undefined : [found[0].toString(), [found[1]]]
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

type Popped = readonly [key: string, items: readonly Buffer[]]

interface Wanted {
  readonly key: string
  readonly room: number
  readonly source: Source
}
