import { CommlibError, codeOf, toError } from '../errors.ts'
import type { AbortOptions, Subscription } from '../transport.ts'
import { raceSignal } from '../util/abort.ts'
import { subscription } from '../util/subscription.ts'
import { backoff, REFUSED } from './backoff.ts'
import type { Link, LinkSubscription } from './link.ts'

interface Entry {
  /** What it is, for error messages: `subscription to 'a.b'`. */
  readonly label: string
  readonly open: (link: Link) => Promise<LinkSubscription>
  current?: Subscription | undefined
  closed: boolean
  refusals: number
  retry?: ReturnType<typeof setTimeout> | undefined

  /** Whoever waits for the first confirmation. */
  first?: { resolve(): void; reject(error: unknown): void } | undefined
}

/** What is subscribed, pulled and opened: established on every connection, until it is closed. */
export class Entries {
  readonly #onRefused: (error: Error, fatal?: boolean) => void
  readonly #entries = new Set<Entry>()
  #link: Link | undefined

  constructor(onRefused: (error: Error, fatal?: boolean) => void) {
    this.#onRefused = onRefused
  }

  /** Resolves when the broker has confirmed it, on this connection or the next. */
  async add(
    label: string,
    open: (link: Link) => Promise<LinkSubscription>,
    { signal }: AbortOptions,
  ): Promise<Subscription> {
    signal?.throwIfAborted()
    const entry: Entry = { label, open, closed: false, refusals: 0 }
    this.#entries.add(entry)
    const confirmed = new Promise<void>((resolve, reject) => {
      entry.first = { resolve, reject }
    })
    if (this.#link !== undefined) void this.#open(entry, this.#link)
    try {
      await raceSignal(confirmed, signal)
    } catch (error) {
      void this.#close(entry)
      throw error
    }
    return subscription(() => this.#close(entry))
  }

  /** Establishes everything. Resolves when each is confirmed or refused; what is refused is told and tried again. */
  async establish(link: Link): Promise<void> {
    this.#link = link
    await Promise.all(Array.from(this.#entries, entry => this.#open(entry, link)))
  }

  /** The connection has ended. */
  lost(): void {
    this.#link = undefined
    for (const entry of this.#entries) {
      entry.current = undefined
      clearTimeout(entry.retry)
    }
  }

  /** Ends everything; whoever waits for a confirmation gets this error. */
  end(error: Error): void {
    for (const entry of this.#entries) {
      entry.closed = true
      entry.first?.reject(error)
      // Nothing more is delivered; that the connection ends before the broker has answered is no news.
      entry.current?.close().catch(() => {})
    }
    this.lost()
    this.#entries.clear()
  }

  /** Never rejects. */
  async #open(entry: Entry, link: Link): Promise<void> {
    clearTimeout(entry.retry)
    let opened: LinkSubscription
    try {
      opened = await entry.open(link)
    } catch (error) {
      // One that was lost with its connection is established on the next.
      if (!entry.closed && this.#link === link) this.#refused(entry, error)
      return
    }
    if (entry.closed || this.#link !== link) {
      await opened.close().catch(() => {}) // its connection has ended, and the subscription with it
      return
    }
    entry.current = opened
    entry.refusals = 0
    entry.first?.resolve()
    entry.first = undefined
    void opened.ended?.then(error => this.#ended(entry, opened, error))
  }

  #ended(entry: Entry, opened: LinkSubscription, error: CommlibError): void {
    if (entry.current !== opened || entry.closed) return
    entry.current = undefined
    const taken = error.code === 'SESSION_TAKEN'
    this.#onRefused(error, taken || undefined)
    if (taken) void this.#close(entry)
    else if (this.#link !== undefined) void this.#open(entry, this.#link)
  }

  #refused(entry: Entry, error: unknown): void {
    if (entry.first !== undefined) {
      entry.first.reject(error)
      return
    }
    const delay = backoff(++entry.refusals, REFUSED)
    const cause = toError(error)
    this.#onRefused(
      new CommlibError(
        codeOf(error) ?? 'CONNECTION_LOST',
        `the ${entry.label} could not be established again: ${cause.message}; next attempt in ${delay} ms`,
        { cause },
      ),
    )
    entry.retry = setTimeout(() => {
      if (this.#link !== undefined) void this.#open(entry, this.#link)
    }, delay)
  }

  async #close(entry: Entry): Promise<void> {
    if (entry.closed) return
    entry.closed = true
    this.#entries.delete(entry)
    clearTimeout(entry.retry)
    await entry.current?.close()
  }
}
