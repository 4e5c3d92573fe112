import { CommlibError, type Frame, Queue } from '@commlib/core/internal'

/** A message on its way. */
export interface Parcel {
  readonly topic: string
  readonly frame: Frame

  /** When it came, by `performance.now()`. */
  readonly at: number
}

/** A message that is kept on disk while it is on its way. */
export interface Copy {
  /** Resolves when it is there, or with `false` if there was no place for it. */
  readonly kept: Promise<boolean>

  /** It is not needed any more. */
  remove(): void
}

interface Item extends Parcel {
  readonly number: number

  /** The sink has taken it, or never will. */
  readonly settle: () => void
  copy: Copy | undefined
}

/** What a sender works with. */
export interface SenderOptions {
  /** Publishes. Rejects if the sink has not taken it. */
  readonly publish: (parcel: Parcel) => Promise<void>

  /** Messages that may be unconfirmed. */
  readonly maxInFlight: number

  /** Told what the sink has taken. */
  readonly onSent: (parcel: Parcel) => void

  /** Told what the sink will never take. */
  readonly onRefused: (parcel: Parcel, error: unknown) => void

  /** Told when sending failed and is tried again. */
  readonly onTrouble: (error: unknown) => void
}

/** Milliseconds until what failed is sent again, doubling to the last. */
const FIRST = 100
const LAST = 2000

/** What no second try mends: it is about the message, or about what the sink allows. */
const FINAL: ReadonlySet<string> = new Set([
  'INVALID_TOPIC',
  'INVALID_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'NOT_AUTHORIZED',
  'UNSUPPORTED',
])

/**
 * Sends messages in order, many at a time, until each is confirmed. When one fails, what is under way is awaited, and all
 * that failed is sent again in its old order before anything newer: so the order of a topic holds.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #waiting = new Queue<Item>()
  readonly #flying = new Set<Item>()
  #failed: Item[] = []
  #retry: ReturnType<typeof setTimeout> | undefined
  #delay = FIRST
  #count = 0
  #closed = false
  #idle: Array<() => void> = []

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Messages that the sink has not confirmed. */
  get size(): number {
    return this.#waiting.size + this.#flying.size + this.#failed.length
  }

  /** Whether one is being tried again. */
  get troubled(): boolean {
    return this.#failed.length > 0
  }

  /** When the oldest of them came. */
  get oldest(): number | undefined {
    const [first] = this.#flying
    const [failed] = this.#failed
    return first === undefined ? failed?.at : Math.min(first.at, failed?.at ?? Infinity)
  }

  /** Resolves when the sink has taken it, or never will; not at all if it is closed before. */
  send({ topic, frame, at }: Parcel): Promise<void> {
    return new Promise(settle => {
      this.#waiting.push({ topic, frame, at, number: this.#count++, settle, copy: undefined })
      this.#pump()
    })
  }

  /** Keeps copies of what is on its way, in its order: who may die has to find it before what comes after it. */
  copy(keep: (parcel: Parcel) => Copy): void {
    for (const item of [...this.#failed, ...this.#flying].sort(byNumber)) {
      const copy = keep(item)
      item.copy = copy
      void copy.kept.then(kept => {
        if (kept) item.settle()
      })
    }
  }

  /** Gives back what has not been sent yet. */
  takeWaiting(): Array<Parcel & { readonly settle: () => void }> {
    const taken: Item[] = []
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) taken.push(item)
    return taken
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.size > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /** Sends nothing more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
  }

  #pump(): void {
    while (this.#failed.length === 0 && this.#flying.size < this.#options.maxInFlight && !this.#closed) {
      const item = this.#waiting.shift()
      if (item === undefined) return
      this.#fly(item)
    }
  }

  #fly(item: Item): void {
    this.#flying.add(item)
    this.#options.publish(item).then(
      () => {
        this.#delay = FIRST
        this.#flying.delete(item)
        this.#options.onSent(item)
        settle(item)
        this.#next()
      },
      (error: unknown) => {
        this.#flying.delete(item)
        if (error instanceof CommlibError && FINAL.has(error.code)) {
          this.#options.onRefused(item, error)
          settle(item)
        } else {
          // What is closed tries nothing again: its source has it.
          if (this.#failed.length === 0 && !this.#closed) this.#options.onTrouble(error)
          this.#failed.push(item)
        }
        this.#next()
      },
    )
  }

  #next(): void {
    if (this.#failed.length > 0) {
      if (this.#flying.size === 0 && this.#retry === undefined && !this.#closed) {
        this.#retry = setTimeout(() => this.#again(), this.#delay)
        this.#delay = Math.min(this.#delay * 2, LAST)
      }
      return
    }
    this.#pump()
    if (this.size > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #again(): void {
    this.#retry = undefined
    const failed = this.#failed.sort(byNumber)
    this.#failed = []
    for (const item of failed) this.#fly(item)
  }
}

function byNumber(a: Item, b: Item): number {
  return a.number - b.number
}

function settle(item: Item): void {
  item.copy?.remove()
  item.settle()
}
