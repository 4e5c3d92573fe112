import type { Frame } from '../transport.ts'
import { Queue } from '../util/queue.ts'
import type { Dispatcher, Task } from './dispatcher.ts'

/** One that takes frames out of a {@link Mailbox}. */
export interface Member {
  /** Frames it may have that are not settled. */
  readonly window: number

  /** A returned promise settles the frame. */
  readonly onFrame: (topic: string, frame: Frame) => void | Promise<void>

  /** Told when frames were dropped. */
  readonly onLost: (count: number) => void

  /** Told what `onFrame` threw. */
  readonly onError: (error: unknown) => void

  /** Told when another takes its place. */
  readonly onTaken?: (() => void) | undefined
}

/** What a mailbox is made with. */
export interface MailboxOptions {
  readonly dispatcher: Dispatcher

  /** Frames that may wait. */
  readonly capacity: number

  /** Gives what a member that leaves has not settled to the next. */
  readonly redelivers: boolean
}

/** Hands a frame over; what is thrown goes to `onError`, what is returned tells when it is settled. */
export function attempt(member: Member, topic: string, frame: Frame): Promise<void> | undefined {
  try {
    const settled = member.onFrame(topic, frame)
    // Listeners in JavaScript return what they like.
    return typeof settled?.then === 'function' ? settled : undefined
  } catch (error) {
    member.onError(error)
    return undefined
  }
}

interface Entry {
  readonly topic: string
  readonly frame: Frame

  /** When it came, for those that expire. */
  readonly at: number
}

interface Seat {
  readonly member: Member
  readonly running: Set<Entry>
  free: number
  left: boolean
}

/** Frames in order, shared by members in turn. Whoever keeps it decides how long it lives. */
export class Mailbox implements Task {
  readonly #options: MailboxOptions
  readonly #waiting = new Queue<Entry>()
  #returned: Entry[] = []
  #seats: Seat[] = []
  #turn = 0
  #lost = 0
  #scheduled = false

  constructor(options: MailboxOptions) {
    this.#options = options
  }

  get members(): number {
    return this.#seats.length
  }

  get size(): number {
    return this.#waiting.size + this.#returned.length
  }

  /** Takes a frame, or returns `false` if it is full. */
  offer(topic: string, frame: Frame): boolean {
    if (this.size >= this.#options.capacity) return false
    this.#waiting.push({ topic, frame, at: frame.expiry === undefined ? 0 : performance.now() })
    if (this.#seats.length > 0) this.#schedule()
    return true
  }

  /** Takes a frame, and drops the oldest if it is full. */
  take(topic: string, frame: Frame): void {
    while (this.size >= this.#options.capacity) {
      this.#shift()
      this.#lost++
    }
    this.offer(topic, frame)
  }

  /** Returns what ends the membership. */
  join(member: Member): () => void {
    const seat: Seat = { member, running: new Set(), free: member.window, left: false }
    this.#seats.push(seat)
    this.#schedule()
    return () => this.#leave(seat)
  }

  /** Ends every membership, for one that takes the place of all. */
  takeOver(): void {
    for (const seat of [...this.#seats]) {
      this.#leave(seat)
      seat.member.onTaken?.()
    }
  }

  run(): void {
    this.#scheduled = false
    if (this.#lost > 0 && this.#seats[0] !== undefined) {
      this.#seats[0].member.onLost(this.#lost)
      this.#lost = 0
    }
    // What a member sends here meanwhile has its turn later, or a member that feeds itself would hold up all others.
    for (let left = this.size; left > 0 && this.size > 0; left--) {
      const seat = this.#next()
      if (seat === undefined) return
      const entry = this.#shift()
      if (entry === undefined) return
      const frame = fresh(entry)
      if (frame !== undefined) this.#give(seat, entry, frame)
    }
    if (this.size > 0) this.#schedule()
  }

  #give(seat: Seat, entry: Entry, frame: Frame): void {
    const { member, running } = seat
    const { redelivers } = this.#options
    seat.free--
    if (redelivers) running.add(entry)
    const settled = attempt(member, entry.topic, frame)
    if (settled === undefined) {
      seat.free++
      if (redelivers) running.delete(entry)
      return
    }
    const settle = () => {
      running.delete(entry)
      seat.free++
      // What a member finishes after it has left is handled, unless somebody else has it by now.
      if (seat.left) this.#returned = this.#returned.filter(other => other !== entry)
      else if (this.size > 0) this.#schedule()
    }
    settled.then(settle, error => {
      member.onError(error)
      settle()
    })
  }

  #leave(seat: Seat): void {
    if (seat.left) return
    seat.left = true
    this.#seats = this.#seats.filter(other => other !== seat)
    if (seat.running.size > 0) this.#returned = [...seat.running, ...this.#returned]
    if (this.size > 0 && this.#seats.length > 0) this.#schedule()
  }

  /** The next member that may have another frame, in turn. */
  #next(): Seat | undefined {
    const seats = this.#seats
    for (let i = 0; i < seats.length; i++) {
      if (this.#turn >= seats.length) this.#turn = 0
      const seat = seats[this.#turn++]
      if (seat !== undefined && seat.free > 0) return seat
    }
    return undefined
  }

  #shift(): Entry | undefined {
    return this.#returned.length > 0 ? this.#returned.shift() : this.#waiting.shift()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.dispatcher.add(this)
  }
}

/** The frame with the time it has left, or `undefined` if it has none. */
function fresh({ frame, at }: Entry): Frame | undefined {
  if (frame.expiry === undefined) return frame
  const waited = performance.now() - at
  if (waited >= frame.expiry) return undefined
  return waited < 1 ? frame : { ...frame, expiry: frame.expiry - waited }
}
