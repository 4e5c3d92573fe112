import type { ActionParts } from '../contracts/action.ts'
import type { Context } from '../endpoints/context.ts'
import { dropCounter } from '../endpoints/drop-counter.ts'
import { CommlibError, codeOf, toError } from '../errors.ts'
import type { CallOptions } from '../util/abort.ts'
import { AsyncQueue } from '../util/async-queue.ts'
import type { ActionLink, GoalListener } from './action-link.ts'
import { type GoalOutcome, goalError } from './goal-error.ts'
import type { GoalHandle } from './goal-handle.ts'
import { GoalStatus } from './goal-machine.ts'
import { type GoalEnd, type GoalMessage, newTracker, type Tracker, type TrackerEvent, track } from './goal-tracker.ts'
import { GoalWatch } from './goal-watch.ts'
import { type ResultReply, STORING } from './protocol.ts'

/**
 * Milliseconds that it has to answer with the result of a goal that it has announced to be over. It has the result at
 * hand, and where the goal's handler raised, it has none and never answers.
 */
const FETCHING = 2000

export interface TrackedGoalOptions<Feedback> {
  readonly context: Context
  readonly link: ActionLink
  readonly shapes: ActionParts
  readonly maxBuffered: number
  readonly serviceTimeout: number
  readonly onFeedback: ((feedback: Feedback) => void) | undefined
}

interface Ended<Result> {
  readonly outcome: GoalOutcome<Result>

  /** The very thing that was thrown, such as the reason of a signal. */
  readonly thrown?: unknown
}

/** Follows one goal: carries out what its {@link Tracker} decides. */
export class TrackedGoal<Feedback, Result> implements GoalHandle<Feedback, Result>, GoalListener {
  readonly outcome: Promise<GoalOutcome<Result>>
  readonly result: Promise<Result>
  readonly #options: TrackedGoalOptions<Feedback>
  readonly #feedback: AsyncQueue<Feedback>
  readonly #watch = new GoalWatch(() => this.accepted && void this.ask())
  readonly #proposed: string
  #tracker: Tracker
  #settle: (ended: Ended<Result>) => void = () => {}
  #order: Promise<void> | undefined
  #over = false
  #doubted = false
  #readers = 0

  /** Since when the broker has known of nobody who serves the action. */
  #goneSince: number | undefined
  #signal: { readonly signal: AbortSignal; readonly onAbort: () => void } | undefined

  constructor(id: string, options: TrackedGoalOptions<Feedback>) {
    this.#options = options
    this.#proposed = id
    this.#tracker = newTracker(id)
    const { context, maxBuffered } = options
    const drop = dropCounter(context, `the reader of goal ${id}`, maxBuffered)
    this.#feedback = new AsyncQueue({
      limit: maxBuffered,
      // Feedback that nobody reads is not lost.
      onDrop: () => this.#readers > 0 && drop(),
    })
    const ended = new Promise<Ended<Result>>(resolve => (this.#settle = resolve))
    this.outcome = ended.then(({ outcome }) => outcome)
    this.result = ended.then(({ outcome, thrown }) => {
      if (outcome.error !== undefined) throw thrown
      return outcome.result
    })
    this.result.catch(() => {})
    options.link.add(this)
  }

  get id(): string {
    return this.#tracker.id
  }

  get accepted(): boolean {
    return this.#tracker.accepted
  }

  get status(): GoalStatus {
    return this.#tracker.status
  }

  /** The service has taken it, under this id; from now on the signal cancels it. */
  accept(id: string, signal?: AbortSignal | undefined): void {
    const { link } = this.#options
    link.remove(this)
    this.#apply({ type: 'accepted', id })
    if (this.#over) return
    link.add(this)
    if (signal === undefined) return
    const onAbort = () => void this.#abort(signal.reason)
    this.#signal = { signal, onAbort }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  }

  onMessage(message: GoalMessage): void {
    if (message.id === this.id) {
      this.#watch.news()
      this.#goneSince = undefined
    }
    this.#apply(message)
  }

  onReconnect(): void {
    if (this.accepted) void this.ask()
  }

  onClosed(error: CommlibError): void {
    this.#fail({ status: this.status }, error)
  }

  /** It was never taken. */
  drop(): void {
    this.onClosed(new CommlibError('CLOSED', 'the goal was not sent'))
  }

  /** Asks the service where the goal stands. Resolves when it has answered, or not. */
  async ask(): Promise<void> {
    const { link, context } = this.#options
    const { changes } = link
    try {
      const hasEnded = this.#foreign && this.#tracker.announced !== undefined
      const reply = await link.getResult({ id: this.id }, hasEnded ? { timeout: FETCHING } : undefined)
      this.#goneSince = undefined
      this.answer(reply)
    } catch (error) {
      const code = codeOf(error)
      if (code === 'NO_SERVICE') {
        this.#goneSince ??= performance.now()
        if (performance.now() - this.#goneSince >= this.#options.serviceTimeout) return this.#apply({ type: 'gone' })
      }
      if (code === 'CLOSED' || code === 'CONNECTION_LOST' || changes !== link.changes) return
      if (code !== 'TIMEOUT' && code !== 'NO_SERVICE') context.onError(error)
      this.#apply({ type: 'silence' })
    }
  }

  /** What the service has said of the goal. */
  answer(reply: ResultReply<GoalStatus>): void {
    if (this.#over) return
    if (this.#doubts(reply)) this.#watch.hurry()
    else if (reply.status === undefined) this.#apply({ type: 'silence' })
    else this.#apply({ ...reply, type: 'result', status: reply.status })
  }

  async cancel(options?: CallOptions): Promise<void> {
    if (this.#over) return
    const { status, error } = await this.#options.link.cancelGoal({ id: this.id }, options)
    await this.#fetch()
    if (this.#over) await this.outcome
    if (status === 1 || this.#over) return
    throw new CommlibError('GOAL_REJECTED', error?.message || `the service does not cancel goal ${this.id}`)
  }

  [Symbol.asyncIterator](): AsyncIterator<Feedback> {
    this.#readers++
    return {
      next: () => this.#feedback.next(),
      return: async () => {
        this.#readers--
        return { done: true, value: undefined }
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.cancel()
      await this.outcome
    } catch (error) {
      this.#options.context.onError(error)
    }
  }

  /** Waits for the truth, which may be a partial result; but not for a service that does not answer. */
  async #abort(reason: unknown): Promise<void> {
    try {
      await this.cancel()
    } catch (error) {
      this.#options.context.onError(error)
      this.#fail({ status: this.status }, reason)
    }
  }

  /** Asks for the result of a goal that is said to be over. */
  async #fetch(): Promise<void> {
    if (this.#foreign) await new Promise(resolve => setTimeout(resolve, STORING))
    if (!this.#over) await this.ask()
  }

  /** commlib-py's services give a goal an id of their own. */
  get #foreign(): boolean {
    return this.id !== this.#proposed
  }

  /** Not stored yet, the result of a commlib-py service may be empty. */
  #doubts({ status, result }: ResultReply<GoalStatus>): boolean {
    if (this.#doubted || !this.#foreign || status !== GoalStatus.SUCCEEDED || !isEmpty(result)) return false
    this.#doubted = true
    return true
  }

  #apply(event: TrackerEvent): void {
    const { tracker, effects } = track(this.#tracker, event)
    this.#tracker = tracker
    for (const effect of effects) {
      if (effect.type === 'feedback') this.#hand(effect.feedback)
      else if (effect.type === 'end') void this.#finish(effect.end)
      else if (effect.type === 'fetch') {
        this.#watch.hurry()
        void this.#fetch()
      }
    }
  }

  #hand(raw: unknown): void {
    const { context, shapes, onFeedback } = this.#options
    const deliver = (feedback: unknown) => {
      // The shape has made sure of it.
      this.#feedback.push(feedback as Feedback)
      onFeedback?.(feedback as Feedback)
    }
    try {
      const checked = shapes.feedback.incoming(raw)
      if (checked instanceof Promise || this.#order !== undefined) {
        // What is checked asynchronously keeps its order, and comes before the end.
        const turn = Promise.all([checked, this.#order]).then(([feedback]) => deliver(feedback))
        this.#order = turn.catch(context.onError)
      } else {
        deliver(checked)
      }
    } catch (error) {
      context.onError(error)
    }
  }

  async #finish({ status, result, error }: GoalEnd): Promise<void> {
    this.#leave()
    await this.#order
    const { shapes, context, link } = this.#options
    if (status === GoalStatus.SUCCEEDED) {
      try {
        // The shape has made sure of it.
        return this.#end({ outcome: { status, result: (await shapes.result.incoming(result)) as Result } })
      } catch (fault) {
        link.port.errors++
        return this.#fail({ status }, fault)
      }
    }
    let partial: Result | undefined
    try {
      // Without a partial result the answer holds an empty object.
      if (result !== undefined && !isEmpty(result)) partial = (await shapes.result.incoming(result)) as Result
    } catch (fault) {
      context.onError(fault)
    }
    this.#fail({ status, result: partial }, goalError(this.id, status, error, partial))
  }

  #leave(): void {
    this.#over = true
    this.#watch.stop()
    this.#options.link.remove(this)
    this.#signal?.signal.removeEventListener('abort', this.#signal.onAbort)
  }

  #fail(how: { readonly status: GoalStatus; readonly result?: Result | undefined }, thrown: unknown): void {
    this.#end({ outcome: { ...how, error: toError(thrown) }, thrown })
  }

  #end(ended: Ended<Result>): void {
    if (!this.#over) this.#leave()
    this.#feedback.end()
    this.#settle(ended)
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
