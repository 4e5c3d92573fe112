import { CommlibError, type Frame } from '@commlib/core/internal'

/** Where a message goes. */
export interface Destination {
  readonly exchange: string
  readonly key: string
}

interface Pending {
  readonly to: Destination
  readonly frame: Frame
  refusals: number
  resolve(): void
  reject(error: unknown): void
}

/** Milliseconds to wait after each refusal of a message: a queue that elects another leader takes a second or two. */
const RETRIES = [50, 100, 200, 400, 800, 1600, 1600, 1600]

/** The messages of a confirm channel that the broker has not answered for. */
export class Confirmations {
  readonly #write: (to: Destination, frame: Frame) => void
  readonly #sent = new Map<number, Pending>()
  readonly #refused = new Set<Pending>()
  #published = 0
  #answered = 0
  #failure: Error | undefined

  /** @param write publishes on the channel, or throws */
  constructor(write: (to: Destination, frame: Frame) => void) {
    this.#write = write
  }

  /** Resolves when the broker has taken responsibility. */
  publish(to: Destination, frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => this.#send({ to, frame, refusals: 0, resolve, reject }))
  }

  ack(tag: number, multiple: boolean): void {
    this.#settle(tag, multiple, settled)
  }

  /** A queue of the message has failed, or is full: it may be better in a moment. */
  nack(tag: number, multiple: boolean): void {
    this.#settle(tag, multiple, this.#again)
  }

  /** The channel has ended: what is not confirmed by now never will be. */
  end(error: Error): void {
    this.#failure = error
    const pending = [...this.#sent.values(), ...this.#refused]
    this.#sent.clear()
    this.#refused.clear()
    for (const { reject } of pending) reject(error)
  }

  #send(pending: Pending): void {
    try {
      if (this.#failure !== undefined) throw this.#failure
      this.#write(pending.to, pending.frame)
      this.#sent.set(++this.#published, pending)
    } catch (error) {
      pending.reject(error)
    }
  }

  readonly #again = (pending: Pending): void => {
    const delay = RETRIES[pending.refusals++]
    if (delay === undefined) {
      const message = `the broker did not take the message to '${pending.to.key}': a queue of it is full, or has failed`
      pending.reject(new CommlibError('BUFFER_FULL', message))
      return
    }
    this.#refused.add(pending)
    setTimeout(() => {
      if (this.#refused.delete(pending)) this.#send(pending)
    }, delay)
  }

  #settle(tag: number, multiple: boolean, how: (pending: Pending) => void): void {
    for (let each = multiple ? this.#answered + 1 : tag; each <= tag; each++) {
      const pending = this.#sent.get(each)
      if (pending === undefined) continue
      this.#sent.delete(each)
      how(pending)
    }
    if (multiple && tag > this.#answered) this.#answered = tag
  }
}

function settled({ resolve }: Pending): void {
  resolve()
}
