import { CommlibError, Queue } from '@commlib/core/internal'
import type { Copy, Parcel } from '../sender.ts'
import { Batches } from './batches.ts'
import { loadStore, type Store } from './load-store.ts'
import type { SpoolOptions } from './options.ts'
import { type Entry, entryOf, readKey, readRecord, writeRecord } from './record.ts'

/** All options of a spool. */
export type SpoolSettings = { readonly [Key in keyof SpoolOptions]-?: NonNullable<SpoolOptions[Key]> }

/** Told what the spool has lost. */
export type OnDrop = (count: number, why: string) => void

interface Slot {
  /** The message is on its way too: this one may go without a loss. */
  readonly copy: boolean

  /** Nobody needs it any more. */
  gone: boolean

  /** Its place, when it has one. */
  entry?: Entry | undefined
}

interface Placed extends Slot {
  readonly entry: Entry
}

interface Blocked {
  readonly slot: Slot
  readonly value: Uint8Array
  readonly resolve: (kept: boolean | Promise<boolean>) => void
  readonly reject: (error: unknown) => void
}

/** Records that are read at a time. */
const BATCH = 128

/** First in, first out, on disk, within bounds. */
export class Spool {
  readonly #store: Store
  readonly #batches: Batches
  readonly #options: SpoolSettings
  readonly #onDrop: OnDrop
  readonly #unread = new Queue<Placed>()
  readonly #blocked = new Queue<Blocked>()
  #size = 0
  #bytes = 0
  #number = 0
  #oldest: number | undefined

  private constructor(store: Store, options: SpoolSettings, onDrop: OnDrop) {
    this.#store = store
    this.#batches = new Batches(store, options)
    this.#options = options
    this.#onDrop = onDrop
  }

  static async open(options: SpoolSettings, onDrop: OnDrop): Promise<Spool> {
    const spool = new Spool(await loadStore(options.path), options, onDrop)
    for await (const key of spool.#store.keys()) {
      const { number, ...entry } = readKey(key)
      spool.#count(entry)
      spool.#unread.push({ entry, copy: false, gone: false })
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
  async append(parcel: Parcel): Promise<void> {
    await this.#add({ copy: false, gone: false }, parcel)
  }

  /** Keeps a message that is on its way, in case that this process ends before it has arrived. */
  copy(parcel: Parcel): Copy {
    const slot: Slot = { copy: true, gone: false }
    return {
      kept: this.#add(slot, parcel),
      remove: () => {
        if (slot.gone) return
        slot.gone = true
        if (slot.entry !== undefined) this.#delete(slot.entry)
      },
    }
  }

  /** The next messages in their order, each with what forgets it. Those too old are dropped. */
  async read(): Promise<Array<Parcel & { readonly remove: () => Promise<void> }>> {
    this.expire()
    const entries: Entry[] = []
    for (let next = this.#first(); next !== undefined && entries.length < BATCH; next = this.#first()) {
      entries.push(next.entry)
      this.#unread.shift()
    }
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
        this.#delete(entry)
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
    this.#dropWhile(({ at }) => at < limit, `messages were spooled for longer than spool.maxAge (${maxAge} ms)`)
  }

  async close(): Promise<void> {
    for (let next = this.#blocked.shift(); next !== undefined; next = this.#blocked.shift())
      next.reject(new CommlibError('CLOSED', 'the spool is closed'))
    await this.#batches.settled()
    await this.#store.close()
  }

  /** Resolves when it is written, or with `false` when it is not kept. */
  #add(slot: Slot, { topic, frame }: Parcel): Promise<boolean> {
    const { maxBytes, whenFull } = this.#options
    const now = Date.now()
    const value = writeRecord(topic, frame, now)
    const refuse = (why: string) => {
      if (!slot.copy) this.#onDrop(1, why)
      return Promise.resolve(false)
    }
    if (value.length > maxBytes)
      return refuse(`a message of ${value.length} bytes is larger than spool.maxBytes (${maxBytes})`)
    if (this.#blocked.size > 0 || !this.#fits(value.length)) {
      if (whenFull === 'block')
        return new Promise((resolve, reject) => this.#blocked.push({ slot, value, resolve, reject }))
      if (whenFull === 'drop-oldest')
        this.#dropWhile(() => !this.#fits(value.length), 'the spool is full: the oldest made place')
      if (!this.#fits(value.length)) return refuse(`the spool is full (${this.#size} messages, ${this.#bytes} bytes)`)
    }
    return this.#put(slot, value, now)
  }

  async #put(slot: Slot, value: Uint8Array, now: number): Promise<boolean> {
    const entry = entryOf(this.#number++, now, value.length)
    const placed = Object.assign(slot, { entry })
    const written = this.#batches.write({ type: 'put', key: entry.key, value })
    // It counts from now on, and can be read when it is written.
    this.#count(entry)
    try {
      await written
    } catch (error) {
      if (!slot.gone) this.#forget(entry)
      slot.gone = true
      throw error
    }
    if (!slot.gone) this.#unread.push(placed)
    return true
  }

  #fits(bytes: number): boolean {
    const { maxBytes, maxMessages } = this.#options
    return this.#size < maxMessages && this.#bytes + bytes <= maxBytes
  }

  /** The next one that is still needed. */
  #first(): Placed | undefined {
    while (this.#unread.first?.gone) this.#unread.shift()
    return this.#unread.first
  }

  #dropWhile(condition: (entry: Entry) => boolean, why: string): void {
    let lost = 0
    for (let next = this.#first(); next !== undefined && condition(next.entry); next = this.#first()) {
      next.gone = true
      this.#delete(next.entry)
      if (!next.copy) lost++
    }
    if (lost > 0) this.#onDrop(lost, why)
  }

  #delete(entry: Entry): void {
    // If it fails, it comes again after a restart, and is dropped again.
    this.#remove(entry).catch(() => {})
  }

  #remove(entry: Entry): Promise<void> {
    const written = this.#batches.write({ type: 'del', key: entry.key })
    this.#forget(entry)
    return written
  }

  #count(entry: Entry): void {
    this.#size++
    this.#bytes += entry.bytes
    this.#oldest ??= entry.at
  }

  #forget(entry: Entry): void {
    this.#size--
    this.#bytes -= entry.bytes
    this.#oldest = this.#first()?.entry.at ?? (this.#size > 0 ? this.#oldest : undefined)
    for (let next = this.#blocked.first; next !== undefined; next = this.#blocked.first) {
      if (!next.slot.gone && !this.#fits(next.value.length)) return
      this.#blocked.shift()
      // The others wait behind it still, and come after it.
      next.resolve(next.slot.gone ? false : this.#put(next.slot, next.value, Date.now()))
    }
  }
}
