import { CommlibError, type Frame, type LinkEvents } from '@commlib/core/internal'
import { Acknowledgements } from './acknowledgements.ts'
import type { Received } from './reader.ts'
import type { Subscriptions } from './subscriptions.ts'
import { fromTopic } from './topic.ts'

/** Milliseconds that a session's messages wait for somebody to listen. */
const UNHEARD = 5000

export interface ArrivalsOptions {
  /** The session outlives its connections: its messages come before its subscriptions. */
  readonly durable: boolean
  readonly maxMessageBytes: number

  /** Hands a message to who listens, as {@link Subscriptions} does. */
  readonly deliver: Subscriptions['deliver']

  /** Sends the PUBACK. */
  readonly acknowledge: (id: number) => void
}

interface Unheard {
  readonly topic: string
  readonly frame: Frame
  readonly acknowledge: () => void
}

/** What the broker sends, on its way to who listens: acknowledged when it has been handled. */
export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #events: LinkEvents
  readonly #acknowledgements: Acknowledgements
  readonly #unheard: Unheard[] = []
  #holding: ReturnType<typeof setTimeout> | undefined

  constructor(options: ArrivalsOptions, events: LinkEvents) {
    this.#options = options
    this.#events = events
    this.#acknowledgements = new Acknowledgements(options.acknowledge)
    if (options.durable) this.#holding = setTimeout(() => this.#giveUp(), UNHEARD)
  }

  receive({ topic, qos, id, frame, identifier }: Received): void {
    let settled: ReturnType<ArrivalsOptions['deliver']>
    try {
      this.#check(topic, frame)
      settled = this.#options.deliver(topic, frame, identifier)
    } catch (error) {
      this.#events.error(error)
    }
    if (settled === false && this.#holding === undefined) settled = undefined
    if (settled === undefined) {
      if (qos > 0) this.#acknowledgements.now(id)
      return
    }
    const acknowledge = qos > 0 ? this.#acknowledgements.expect(id) : () => {}
    if (settled === false) this.#unheard.push({ topic, frame, acknowledge })
    else this.#follow(settled, acknowledge)
  }

  /** Somebody new listens: offers it what nobody wanted yet. */
  release(): void {
    for (const held of this.#unheard.splice(0)) {
      const settled = this.#options.deliver(held.topic, held.frame, undefined)
      if (settled === false) this.#unheard.push(held)
      else if (settled === undefined) held.acknowledge()
      else this.#follow(settled, held.acknowledge)
    }
  }

  /** Nothing is acknowledged any more: the broker sends it again. */
  end(): void {
    clearTimeout(this.#holding)
    this.#acknowledgements.end()
  }

  #follow(settled: Promise<unknown>, acknowledge: () => void): void {
    void settled.then(acknowledge, error => {
      this.#events.error(error)
      acknowledge()
    })
  }

  #check(topic: string, { body }: Frame): void {
    const { maxMessageBytes } = this.#options
    if (body.length > maxMessageBytes) throw tooLarge(`a message on '${topic}'`, body.length, maxMessageBytes)
  }

  #giveUp(): void {
    this.#holding = undefined
    const unheard = this.#unheard.splice(0)
    if (unheard.length === 0) return
    const topics = [...new Set(unheard.map(({ topic }) => fromTopic(topic)))].join(', ')
    const reason = `the session holds messages nobody here subscribes to: ${topics}`
    this.#events.status({ type: 'messages-lost', count: unheard.length, reason })
    for (const { acknowledge } of unheard) acknowledge()
  }
}

/** @param whose the option that sets the limit, or the broker */
export function tooLarge(what: string, size: number, max: number, whose = 'maxMessageBytes'): CommlibError {
  return new CommlibError('MESSAGE_TOO_LARGE', `${what} has ${size} bytes, more than the ${max} of ${whose}`)
}
