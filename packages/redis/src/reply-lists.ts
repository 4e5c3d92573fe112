import type { Send } from './connection.ts'

/** Seconds that an answer nobody fetches stays. */
const EXPIRY = 60

/** Milliseconds for which a list that was told to expire is not told again, however much is pushed to it. */
const DELAY = 100

/** Lets the lists of answers expire, in case their caller is gone. */
export class ReplyLists {
  readonly #send: Send

  /** Lists that were told of late. A list that was emptied, and is there again, does not expire. */
  #told = new Set<string>()
  #fresh = new Set<string>()
  #again = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(send: Send) {
    this.#send = send
  }

  /** Something is being pushed to this list. Returns whether it has been told, and not about to be behind the push. */
  pushed(list: string): boolean {
    this.#timer ??= setTimeout(() => this.flush(), DELAY)
    if (this.#told.has(list)) {
      this.#again.add(list)
      return true
    }
    this.#told.add(list)
    // In one write with what is pushed, behind it, so that nothing stays of a process that ends right then.
    if (this.#fresh.size === 0) process.nextTick(() => this.#tell(this.#fresh))
    this.#fresh.add(list)
    return false
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#told = new Set()
    this.#tell(this.#fresh)
    this.#tell(this.#again)
  }

  #tell(lists: Set<string>): void {
    // With the connection gone, somebody else's pushes renew it.
    for (const list of lists) this.#send('expire', [list, EXPIRY]).catch(() => {})
    lists.clear()
  }
}
