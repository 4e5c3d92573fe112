import { CommlibError } from '../errors.ts'
import type { Frame, Inbox } from '../transport.ts'
import { renewed } from '../util/renewed.ts'
import { randomId, randomWord } from '../util/token.ts'
import type { Context } from './context.ts'

/** What waits for a reply. */
export interface PendingCall {
  /** The service. */
  readonly name: string

  /** Milliseconds. */
  readonly timeout: number

  /** When that is over, by `performance.now()`. */
  readonly deadline: number
  onReply: (frame: Frame) => void
  onClosed: (error: Error) => void
}

const nothing = () => {}

/** Milliseconds between two looks at the calls in flight: there can be many. */
const SHORTEST = 5

/** And at most, so that the timer does not keep a process alive for long when they have ended. */
const LONGEST = 100

/** The calls in flight over a context's one return address. */
export class Calls {
  readonly #context: Context
  #pending = new Map<string, PendingCall>()
  readonly #prefix = randomId().slice(0, 12)
  #opening: Promise<Inbox> | undefined
  #count = 0

  /** One for all: setting and clearing one for each call was a twentieth of what a call takes. */
  #timer: ReturnType<typeof setTimeout> | undefined

  /** When it fires. */
  #next = Infinity

  /** Services that were there when last called: only of others is it worth asking the broker. */
  readonly served = new Set<string>()

  /** The return address, once the broker has confirmed it. */
  inbox: Inbox | undefined

  constructor(context: Context) {
    this.#context = context
    context.closing.add(() => this.close())
  }

  get size(): number {
    return this.#pending.size
  }

  /** Opens the return address, before the first call. A failure is not kept: the next call tries again. */
  open(): Promise<Inbox> {
    this.#opening ??= this.#context.transport
      .inbox(
        // Late, doubled and foreign replies are dropped: their callers are gone.
        (token, frame) => this.#pending.get(token)?.onReply(frame),
        { onReturned: (token, error) => this.#pending.get(token)?.onClosed(error) },
      )
      .then(
        inbox => (this.inbox = inbox),
        error => {
          this.#opening = undefined
          throw error
        },
      )
    return this.#opening
  }

  /**
   * Unique in the whole system, since it also names the call to who may cancel it; and not to be guessed by another service
   * that was called before.
   */
  token(): string {
    return `${this.#prefix}${(this.#count++).toString(36)}-${randomWord().toString(36)}`
  }

  has(token: string): boolean {
    return this.#pending.has(token)
  }

  add(token: string, call: PendingCall): void {
    this.#pending = renewed(this.#pending).set(token, call)
    this.#watch(call)
  }

  remove(token: string): void {
    const call = this.#pending.get(token)
    if (call === undefined) return
    this.#pending.delete(token)
    // A table that still lists it (see renewed) would keep its answer.
    call.onReply = call.onClosed = nothing
    this.inbox?.release(token)
  }

  #watch({ deadline }: PendingCall): void {
    if (deadline > this.#next) return
    clearTimeout(this.#timer)
    const wait = Math.min(Math.max(deadline - performance.now(), SHORTEST), LONGEST)
    this.#next = performance.now() + wait
    this.#timer = setTimeout(this.#expire, wait)
  }

  readonly #expire = (): void => {
    this.#next = Infinity
    // One time for all: else a later call could end before an earlier one, for which its caller waits first.
    const now = performance.now()
    for (const call of this.#pending.values()) {
      const { name, timeout, deadline } = call
      if (deadline > now) this.#watch(call)
      else {
        this.served.delete(name)
        call.onClosed(new CommlibError('TIMEOUT', `no answer from '${name}' within ${timeout} ms`))
      }
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const error = new CommlibError('CLOSED', 'closed while waiting for an answer')
    for (const call of [...this.#pending.values()]) call.onClosed(error)
    const inbox = await this.#opening?.catch(() => undefined)
    this.#opening = undefined
    this.inbox = undefined
    await inbox?.close()
  }
}

/** For {@link Context.share}. */
export function createCalls(context: Context): Calls {
  return new Calls(context)
}
