import { CommlibError } from '../errors.ts'
import { later } from '../util/timer.ts'
import type { Goal } from './goal-machine.ts'

/** Feedback of one goal that waits for the connection, past which more is refused. */
const MAX_WAITING = 1000

/** What a service holds of a goal under way: everything that is no value. */
export interface GoalJob {
  readonly id: string
  readonly data: unknown
  readonly description: string

  /** Resolves when the client has been told that its goal was taken: before that nobody would listen. */
  readonly told: Promise<void>
  readonly controller: AbortController

  /** Resolves when the goal is over. */
  readonly ended: Promise<Goal>

  /** Ends a generator that ignores its signal. */
  stop: () => void
  end(goal: Goal): void

  /** Sends one after the other, so that the last status comes after all feedback. */
  send(publish: () => Promise<void>): Promise<void>

  /** The late feedback of a handler whose goal is over is dropped. */
  sendFeedback(publish: () => Promise<void>): Promise<void>

  /** Calls `overdue` unless the goal is over before. */
  expire(grace: number, overdue: () => void): void
}

/** A goal that has just come. */
export function createJob(given: Pick<GoalJob, 'id' | 'data' | 'description' | 'told'>): GoalJob {
  let timer: ReturnType<typeof setTimeout> | undefined
  let outgoing = given.told
  let waiting = 0
  let over = false
  let settle: (goal: Goal) => void = () => {}

  function send(publish: () => Promise<void>): Promise<void> {
    const sent = outgoing.then(publish)
    outgoing = sent.catch(() => {})
    return sent
  }

  return {
    ...given,
    controller: new AbortController(),
    ended: new Promise(resolve => (settle = resolve)),
    stop: () => {},
    end: goal => {
      over = true
      clearTimeout(timer)
      settle(goal)
    },
    send,
    sendFeedback: async publish => {
      if (over) return
      if (waiting >= MAX_WAITING) {
        throw new CommlibError('BUFFER_FULL', `${MAX_WAITING} messages of feedback wait: the connection takes no more`)
      }
      waiting++
      try {
        await send(publish)
      } finally {
        waiting--
      }
    },
    expire: (grace, overdue) => {
      timer = later(overdue, grace)
    },
  }
}
