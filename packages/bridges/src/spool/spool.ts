import { CommlibError, Queue } from '@commlib/core/internal'
import type { Parcel } from '../sender.ts'
import { loadStore, type Store } from './load-store.ts'
import type { SpoolOptions } from './options.ts'
import { type Entry, entryOf, readKey, readRecord, writeRecord } from './record.ts'

/** All options of a spool. */
export type SpoolSettings = { readonly [Key in keyof SpoolOptions]-?: NonNullable<SpoolOptions[Key]> }

/** Told what the spool has lost. */
export type OnDrop = (count: number, why: string) => void

type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }

interface Blocked {
  readonly value: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Records that are read at a time. */
const BATCH = 128

/** First in, first out, on disk, within bounds. */
export class Spool {
  readonly #store: Store
  readonly #options: SpoolSettings
  readonly #onDrop: OnDrop
  readonly #unread = new Queue<Entry>()
  readonly #blocked = new Queue<Blocked>()
  #size = 0
  #bytes = 0
  #number = 0
  #oldest: number | undefined
  #operations: Operation[] = []
  #writing: Promise<void> | undefined

  private constructor(store: Store, options: SpoolSettings, onDrop: OnDrop) {
    this.#store = store
    this.#options = options
    this.#onDrop = onDrop
  }

  static async open(options: SpoolSettings, onDrop: OnDrop): Promise<Spool> {
    const spool = new Spool(await loadStore(options.path), options, onDrop)
    for await (const key of spool.#store.keys()) {
      const { number, ...entry } = readKey(key)
      spool.#add(entry)
      spool.#number = number + 1
    }
    return spool
  }

  /** Messages that are kept. */
  get size(): number {
    return this.#size
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest came, by the wall clock. */
  get oldest(): number | undefined {
    return this.#size === 0 ? undefined : this.#oldest
  }

  /** Whether there is nothing, and nothing waits for room. */
  get empty(): boolean {
    return this.#size === 0 && this.#blocked.size === 0
  }

  /** Resolves when it is written, or was dropped. */
  append(parcel: Parcel): Promise<void> {
    const now = Date.now()
    const value = writeRecord(parcel.topic, parcel.frame, now)
    if (value.length > this.#options.maxBytes) {
      this.#onDrop(1, `a message of ${value.length} bytes is larger than spool.maxBytes (${this.#options.maxBytes})`)
      return Promise.resolve()
    }
    if (this.#blocked.size > 0 || !this.#fits(value.length)) {
      const { whenFull } = this.#options
      if (whenFull === 'block') return this.#block(value)
      if (whenFull === 'drop-oldest') this.#makeRoom(value.length)
      if (!this.#fits(value.length)) {
        this.#onDrop(1, `the spool is full (${this.#size} messages, ${this.#bytes} bytes)`)
        return Promise.resolve()
      }
    }
    return this.#put(value, now)
  }

  /** The next messages in their order, each with what forgets it. Those too old are dropped. */
  async read(): Promise<Array<Parcel & { readonly remove: () => Promise<void> }>> {
    this.expire()
    const entries: Entry[] = []
    while (entries.length < BATCH && this.#unread.size > 0) entries.push(this.#unread.shift() as Entry)
    if (entries.length === 0) return []
    const values = await this.#store.getMany(entries.map(({ key }) => key))
    const now = Date.now()
    return entries.flatMap((entry, i) => {
      const value = values[i]
      if (value === undefined) {
        this.#forget(entry)
        return []
      }
      const { topic, frame, until } = readRecord(value)
      const expiry = until === undefined ? undefined : until - now
      if (expiry !== undefined && expiry <= 0) {
        this.#drop(entry)
        this.#onDrop(1, `a message to '${topic}' expired while it was spooled`)
        return []
      }
      const at = performance.now() - (now - entry.at)
      return [{ topic, frame: { ...frame, expiry }, at, remove: () => this.#remove(entry) }]
    })
  }

  /** Drops what is over its age. */
  expire(): void {
    const { maxAge } = this.#options
    if (maxAge === Infinity) return
    const limit = Date.now() - maxAge
    let dropped = 0
    for (let next = this.#unread.first; next !== undefined && next.at < limit; next = this.#unread.first) {
      this.#drop(this.#unread.shift() as Entry)
      dropped++
    }
    if (dropped > 0) this.#onDrop(dropped, `messages were spooled for longer than spool.maxAge (${maxAge} ms)`)
  }

  async close(): Promise<void> {
    for (let next = this.#blocked.shift(); next !== undefined; next = this.#blocked.shift())
      next.reject(new CommlibError('CLOSED', 'the spool is closed'))
    await this.#writing?.catch(() => {})
    await this.#store.close()
  }

  #add(entry: Entry): void {
    this.#size++
    this.#bytes += entry.bytes
    this.#oldest ??= entry.at
    this.#unread.push(entry)
  }

  #fits(bytes: number): boolean {
    const { maxBytes, maxMessages } = this.#options
    return this.#size < maxMessages && this.#bytes + bytes <= maxBytes
  }

  #block(value: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.#blocked.push({ value, resolve, reject }))
  }

  #makeRoom(bytes: number): void {
    let dropped = 0
    while (!this.#fits(bytes) && this.#unread.size > 0) {
      this.#drop(this.#unread.shift() as Entry)
      dropped++
    }
    if (dropped > 0) this.#onDrop(dropped, 'the spool is full: the oldest made place')
  }

  #drop(entry: Entry): void {
    // If it fails, it comes again after a restart, and is dropped again.
    this.#write({ type: 'del', key: entry.key }).catch(() => {})
    this.#forget(entry)
  }

  #remove(entry: Entry): Promise<void> {
    const written = this.#write({ type: 'del', key: entry.key })
    this.#forget(entry)
    return written
  }

  #forget(entry: Entry): void {
    this.#size--
    this.#bytes -= entry.bytes
    this.#oldest = this.#unread.first?.at ?? (this.#size > 0 ? this.#oldest : undefined)
    while (this.#blocked.size > 0) {
      const next = this.#blocked.first as Blocked
      if (!this.#fits(next.value.length)) return
      this.#blocked.shift()
      // The others wait behind it still, and come after it.
      this.#put(next.value, Date.now()).then(next.resolve, next.reject)
    }
  }

  #put(value: Uint8Array, now: number): Promise<void> {
    const entry = entryOf(this.#number++, now, value.length)
    const written = this.#write({ type: 'put', key: entry.key, value })
    // It counts from now on, and can be read when it is written.
    this.#size++
    this.#bytes += entry.bytes
    this.#oldest ??= entry.at
    return written.then(
      () => void this.#unread.push(entry),
      error => {
        this.#size--
        this.#bytes -= entry.bytes
        throw error
      },
    )
  }

  /** Writes what has come together since the last write began, in one. */
  #write(operation: Operation): Promise<void> {
    this.#operations.push(operation)
    // Until that begins, what comes joins it.
    if (this.#operations.length === 1) this.#writing = this.#flush(this.#writing)
    return this.#writing as Promise<void>
  }

  async #flush(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {})
    const operations = this.#operations
    this.#operations = []
    await this.#store.batch(operations, { sync: this.#options.sync })
  }
}
