import type { EventDescription, ParamsOf } from '../contracts/contract.ts'
import { CommlibError } from '../errors.ts'
import { withDeadline } from '../util/deadline.ts'

/** What a handler is told beside the message. */
export interface MessageContext<Name extends string = string> {
  /** The topic it was published to. */
  readonly topic: string

  /** What the contract's captures are in this topic. */
  readonly params: ParamsOf<Name>

  /** Whether this is the value that was kept for late joiners. */
  readonly latched: boolean

  /** Aborts when `handlerTimeout` is over or the subscription closes. */
  readonly signal: AbortSignal
}

/** What a handler of events is told beside the payload. */
export interface EventContext extends MessageContext {
  /** The event's name, uri and description, as its sender wrote them. */
  readonly event: EventDescription
}

/** A received message, checked. */
export interface ReceivedMessage {
  readonly topic: string
  readonly params: ParamsOf<string>
  readonly latched: boolean
  readonly event: EventDescription | undefined
  readonly value: unknown

  /** Acknowledges it, where that is awaited. */
  readonly settled: (() => void) | undefined
}

/** Makes its signal only when a handler asks for it: most never do. */
export class HandlerContext implements MessageContext {
  readonly topic: string
  readonly params: ParamsOf<string>
  readonly latched: boolean
  readonly event: EventDescription | undefined
  readonly #closing: AbortSignal
  #own: AbortController | undefined
  #signal: AbortSignal | undefined
  #late: CommlibError | undefined

  constructor({ topic, params, latched, event }: ReceivedMessage, closing: AbortSignal) {
    this.topic = topic
    this.params = params
    this.latched = latched
    this.event = event
    this.#closing = closing
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#own = new AbortController()
      if (this.#late !== undefined) this.#own.abort(this.#late)
      this.#signal = AbortSignal.any([this.#own.signal, this.#closing])
    }
    return this.#signal
  }

  /** Waits for a handler, but not for ever: past `timeout` milliseconds it is told to stop, and given up. */
  async settle(running: PromiseLike<unknown>, timeout: number): Promise<void> {
    const late = () => {
      this.#late = new CommlibError('HANDLER_TIMEOUT', `the handler has not settled within ${timeout} ms`)
      this.#own?.abort(this.#late)
      return this.#late
    }
    await withDeadline(running, { timeout, late })
  }
}
