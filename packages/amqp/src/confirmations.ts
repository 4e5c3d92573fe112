import { CommlibError, type Frame, renewed } from '@commlib/core/internal'

/** Where a message goes. */
export interface Destination {
  readonly exchange: string
  readonly key: string
}

interface Pending {
  readonly to: Destination
  readonly frame: Frame
  refusals: number

  /** When it was refused first. */
  since: number
  resolve(): void
  reject(error: unknown): void
}

/** Milliseconds to wait after each refusal of a message: a queue that elects another leader takes a second or two. */
const RETRIES = [50, 100, 200, 400, 800, 1600]

/** Milliseconds for which a message may be refused. */
const GIVE_UP = 6000

/**
 * Milliseconds of refusals after which another channel is tried: one that was opened while a quorum queue had no leader goes
 * on asking the node that has died, and refuses for ever (RabbitMQ 3.10).
 */
const STUBBORN = 300

/** The messages of a confirm channel that the broker has not answered for. */
export class Confirmations {
  readonly #write: (to: Destination, frame: Frame) => void
  #sent = new Map<number, Pending>()
  readonly #refused = new Set<Pending>()
  #published = 0
  #answered = 0
  readonly #onStubborn: () => void
  #failure: Error | undefined
  readonly #opened = performance.now()
  #stubborn = false

  /**
   * @param write publishes on the channel, or throws
   * @param onStubborn is told once that the channel had better be another one
   */
  constructor(write: (to: Destination, frame: Frame) => void, onStubborn: () => void) {
    this.#write = write
    this.#onStubborn = onStubborn
  }

  /** Resolves when the broker has taken responsibility. */
  publish(to: Destination, frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => this.#send({ to, frame, refusals: 0, since: 0, resolve, reject }))
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

  /** Sends again, on another channel, what this one has not confirmed. */
  moveTo(next: Confirmations): void {
    const pending = [...this.#refused, ...this.#sent.values()]
    this.#refused.clear()
    this.#sent.clear()
    for (const each of pending) next.#send(each)
  }

  #send(pending: Pending): void {
    try {
      if (this.#failure !== undefined) throw this.#failure
      this.#write(pending.to, pending.frame)
      this.#sent = renewed(this.#sent).set(++this.#published, pending)
    } catch (error) {
      pending.reject(error)
    }
  }

  readonly #again = (pending: Pending): void => {
    const now = performance.now()
    if (pending.refusals === 0) pending.since = now
    if (now - pending.since > GIVE_UP) {
      const message = `the broker did not take the message to '${pending.to.key}': a queue of it is full, or has failed`
      pending.reject(new CommlibError('BUFFER_FULL', message))
      return
    }
    const delay = RETRIES[Math.min(pending.refusals++, RETRIES.length - 1)]
    this.#refused.add(pending)
    if (now - Math.max(pending.since, this.#opened) > STUBBORN && !this.#stubborn) {
      this.#stubborn = true
      this.#onStubborn()
    }
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
