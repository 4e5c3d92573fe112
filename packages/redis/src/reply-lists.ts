import type { Argument } from './connection.ts'

/** Seconds that an answer nobody fetches stays. */
const EXPIRY = 60

/** Milliseconds after which lists that were pushed to are told to expire, all at once. */
const DELAY = 100

/** Lets the lists of answers expire, in case their caller is gone. */
export class ReplyLists {
  readonly #send: (name: string, args: Argument[]) => Promise<unknown>
  #lists = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(send: (name: string, args: Argument[]) => Promise<unknown>) {
    this.#send = send
  }

  /** Something is being pushed to this list. */
  pushed(list: string): void {
    this.#lists.add(list)
    this.#timer ??= setTimeout(() => this.flush(), DELAY)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lists = this.#lists
    this.#lists = new Set()
    // With the connection gone, somebody else's pushes renew it.
    for (const list of lists) this.#send('expire', [list, EXPIRY]).catch(() => {})
  }
}
