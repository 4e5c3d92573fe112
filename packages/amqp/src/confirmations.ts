import { CommlibError } from '@commlib/core/internal'

interface Pending {
  readonly address: string
  resolve(): void
  reject(error: unknown): void
}

/** The messages of a confirm channel that the broker has not answered for, in the order they were published. */
export class Confirmations {
  readonly #pending = new Map<number, Pending>()
  #published = 0
  #answered = 0
  #failure: Error | undefined

  /** For the message that is published next on the channel. */
  next(address: string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const tag = ++this.#published
    return new Promise((resolve, reject) => this.#pending.set(tag, { address, resolve, reject }))
  }

  ack(tag: number, multiple: boolean): void {
    this.#settle(tag, multiple, ({ resolve }) => resolve())
  }

  nack(tag: number, multiple: boolean): void {
    this.#settle(tag, multiple, ({ address, reject }) => {
      const message = `the broker did not take the message to '${address}': a queue of it is full, or has failed`
      reject(new CommlibError('BUFFER_FULL', message))
    })
  }

  /** The channel has ended: what is not confirmed by now never will be. */
  end(error: Error): void {
    this.#failure = error
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of pending) reject(error)
  }

  #settle(tag: number, multiple: boolean, how: (pending: Pending) => void): void {
    for (let each = multiple ? this.#answered + 1 : tag; each <= tag; each++) {
      const pending = this.#pending.get(each)
      if (pending === undefined) continue
      this.#pending.delete(each)
      how(pending)
    }
    if (multiple && tag > this.#answered) this.#answered = tag
  }
}
