import { CommlibError } from '../errors.ts'
import { withDeadline } from '../util/deadline.ts'
import { show } from '../util/options.ts'
import { Running } from '../util/running.ts'
import { later } from '../util/timer.ts'
import {
  type Board,
  type BoardEffect,
  type BoardEvent,
  type BoardOptions,
  emptyBoard,
  findGoal,
  reduce,
} from './goal-board.ts'
import type { GoalJob } from './goal-job.ts'
import { type Goal, type GoalStatus, isFinal, WHY } from './goal-machine.ts'
import type { GoalRun } from './goal-runner.ts'

/** Milliseconds in which the client of a goal that just ended fetches its result, if it does. */
const LINGER = 500

export interface GoalServerOptions {
  readonly board: BoardOptions
  readonly cancelGrace: number
  readonly run: (job: GoalJob) => GoalRun
  readonly publishStatus: (id: string, status: GoalStatus) => Promise<void>

  /** A goal's handler has begun. */
  readonly publishStart: (job: GoalJob) => Promise<void>
  readonly onEnd: (goal: Goal) => void
  readonly onError: (error: unknown) => void
}

type Untimed<Event> = Event extends unknown ? Omit<Event, 'now'> : never

/** Carries out what a {@link Board} decides: runs and stops handlers, tells clients, watches the clock. */
export class GoalServer {
  readonly #options: GoalServerOptions
  readonly #jobs = new Map<string, GoalJob>()
  readonly #running = new Running()
  readonly #sending = new Running()
  readonly #fetching = new Running()
  readonly #unfetched = new Map<string, ReturnType<typeof setTimeout>>()
  #board: Board
  #cleaning: ReturnType<typeof setTimeout> | undefined

  constructor(options: GoalServerOptions) {
    this.#options = options
    this.#board = emptyBoard(options.board)
  }

  /** Takes a goal, or says why not. One whose id is known is the same goal. */
  send(job: GoalJob): string | undefined {
    const fresh = !this.#jobs.has(job.id)
    if (fresh) this.#jobs.set(job.id, job)
    const refused = this.#dispatch({ type: 'send', id: job.id })
    if (!fresh) return refused
    if (this.#board.goals.has(job.id)) this.#running.start()
    else this.#jobs.delete(job.id)
    return refused
  }

  /** Resolves when the goal is over, or says why there is nothing to cancel. */
  cancel(id: string): string | Promise<Goal> {
    const ended = this.#jobs.get(id)?.ended
    return this.#dispatch({ type: 'cancel', id }) ?? ended ?? `no such goal: ${show(id)}`
  }

  find(id: string): Goal | undefined {
    const goal = findGoal(this.#board, id, performance.now())
    if (goal !== undefined && isFinal(goal.status)) this.#fetched(goal.id)
    return goal
  }

  /** Takes no goal any more. Those that run are told to stop, unless it drains. */
  close(options: { readonly drain: boolean }): void {
    this.#dispatch({ type: 'close', ...options })
  }

  /** Resolves when no goal runs, and who waited for one has had the time to learn how it ended. */
  async idle(): Promise<void> {
    await this.#running.idle()
    await withDeadline(this.#sending.idle(), { timeout: LINGER }).catch(() => {})
    await this.#fetching.idle()
  }

  dispose(): void {
    clearTimeout(this.#cleaning)
    for (const id of [...this.#unfetched.keys()]) this.#fetched(id)
  }

  /** @returns why what was asked for is refused */
  #dispatch(event: Untimed<BoardEvent>): string | undefined {
    const { board, effects } = reduce(this.#board, { ...event, now: performance.now() } as BoardEvent)
    this.#board = board
    let refused: string | undefined
    for (const effect of effects) {
      if (effect.type === 'refused') refused = effect.error
      else this.#carryOut(effect)
    }
    return refused
  }

  #carryOut(effect: BoardEffect): void {
    if (effect.type === 'ended') this.#end(effect.goal)
    const job = 'id' in effect ? this.#jobs.get(effect.id) : undefined
    if (job === undefined) return
    switch (effect.type) {
      case 'status':
        this.#send(job, () => this.#options.publishStatus(job.id, effect.status))
        break
      case 'ready':
        void job.told.then(() => this.#dispatch({ type: 'start', id: job.id }))
        break
      case 'run':
        this.#run(job)
        break
      case 'abort':
        job.expire(this.#options.cancelGrace, () => this.#overdue(job))
        job.controller.abort(new CommlibError(WHY[effect.reason].code, WHY[effect.reason].message))
        break
    }
  }

  #send(job: GoalJob, publish: () => Promise<void>): void {
    this.#sending.start()
    job
      .send(publish)
      .catch(this.#options.onError)
      .finally(() => this.#sending.end())
  }

  #run(job: GoalJob): void {
    this.#send(job, () => this.#options.publishStart(job))
    const { settled, end } = this.#options.run(job)
    job.stop = end
    void settled.then(({ ...event }) => {
      const { id } = job
      if (event.type === 'threw' && 'fault' in event) this.#options.onError(event.fault)
      this.#dispatch({ ...event, id })
    })
  }

  #overdue(job: GoalJob): void {
    const { cancelGrace, onError } = this.#options
    const why = `the handler of goal ${job.id} ignores its signal: still at work ${cancelGrace} ms after it aborted`
    onError(new CommlibError('HANDLER_TIMEOUT', why))
    job.stop()
    this.#dispatch({ type: 'overdue', id: job.id })
  }

  #end(goal: Goal): void {
    this.#jobs.get(goal.id)?.end(goal)
    this.#jobs.delete(goal.id)
    this.#fetching.start()
    this.#unfetched.set(
      goal.id,
      setTimeout(() => this.#fetched(goal.id), LINGER),
    )
    this.#running.end()
    this.#clean()
    this.#options.onEnd(goal)
  }

  #fetched(id: string): void {
    const timer = this.#unfetched.get(id)
    if (timer === undefined) return
    clearTimeout(timer)
    this.#unfetched.delete(id)
    this.#fetching.end()
  }

  /** Results are dropped in time also when nothing else happens. */
  #clean(): void {
    const { since } = this.#board.ended
    const { retainTime } = this.#options.board
    if (this.#cleaning !== undefined || since === undefined) return
    this.#cleaning = later(
      () => {
        this.#cleaning = undefined
        this.#dispatch({ type: 'tick' })
        this.#clean()
      },
      Math.max(1, retainTime - (performance.now() - since)),
    )
    // Nothing but memory depends on it.
    this.#cleaning?.unref?.()
  }
}
