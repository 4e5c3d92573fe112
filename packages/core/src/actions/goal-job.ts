import { CommlibError } from '../errors.ts'
import type { Goal } from './goal-machine.ts'

/** Feedback of one goal that waits for the connection, past which more is refused. */
const MAX_WAITING = 1000

/** What a service holds of a goal under way: everything that is no value. */
export class GoalJob {
  readonly id: string
  readonly data: unknown
  readonly description: string

  /** Resolves when the client has been told that its goal was taken: before that nobody would listen. */
  readonly told: Promise<void>
  readonly controller = new AbortController()

  /** Resolves when the goal is over. */
  readonly ended: Promise<Goal>
  readonly end: (goal: Goal) => void
  over = false

  /** Ends a generator that ignores its signal. */
  stop: () => void = () => {}
  #timer: ReturnType<typeof setTimeout> | undefined
  #outgoing: Promise<void>
  #waiting = 0

  constructor(id: string, data: unknown, description: string, told: Promise<void>) {
    this.id = id
    this.data = data
    this.description = description
    this.told = told
    this.#outgoing = told
    let end: (goal: Goal) => void = () => {}
    this.ended = new Promise(resolve => (end = resolve))
    this.end = goal => {
      this.over = true
      clearTimeout(this.#timer)
      end(goal)
    }
  }

  /** Sends one after the other, so that the last status comes after all feedback. */
  send(publish: () => Promise<void>): Promise<void> {
    const sent = this.#outgoing.then(publish)
    this.#outgoing = sent.catch(() => {})
    return sent
  }

  /** The late feedback of a handler whose goal is over is dropped. */
  async sendFeedback(publish: () => Promise<void>): Promise<void> {
    if (this.over) return
    if (this.#waiting >= MAX_WAITING) {
      throw new CommlibError('BUFFER_FULL', `${MAX_WAITING} messages of feedback wait: the connection takes no more`)
    }
    this.#waiting++
    try {
      await this.send(publish)
    } finally {
      this.#waiting--
    }
  }

  /** Calls `overdue` unless the goal is over before. */
  expire(grace: number, overdue: () => void): void {
    if (grace < 2 ** 31) this.#timer = setTimeout(overdue, grace)
  }
}
