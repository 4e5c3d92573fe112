import type { ActionContract, ActionTypes } from '../contracts/action.ts'
import { parts } from '../contracts/contract.ts'
import { assertOpen, contextOf, type Target } from '../endpoints/context.ts'
import { DEFAULT_TIMEOUT } from '../endpoints/rpc-client.ts'
import { CommlibError, codeOf } from '../errors.ts'
import { type CallOptions, raceSignal } from '../util/abort.ts'
import { withDeadline } from '../util/deadline.ts'
import { invalidOption, show } from '../util/options.ts'
import { subscription } from '../util/subscription.ts'
import { randomId } from '../util/token.ts'
import { createActionLinks } from './action-link.ts'
import type { GoalHandle } from './goal-handle.ts'
import { GoalStatus } from './goal-machine.ts'
import { type GoalReply, isGoalId } from './protocol.ts'
import { TrackedGoal } from './tracked-goal.ts'

/** Options of {@link createActionClient}. */
export interface ActionClientOptions {
  /**
   * Milliseconds to wait until a goal is taken, unless a call says otherwise. The goal itself may take any time.
   *
   * @default 10_000
   */
  readonly timeout?: number | undefined

  /**
   * Messages of feedback kept while nobody reads; past it the oldest is dropped.
   *
   * @default 1000
   */
  readonly maxBuffered?: number | undefined

  /**
   * Milliseconds that nobody may serve the action, where the broker can tell, before its goals end as ABORTED. A
   * service that is there and says nothing is waited for: a goal may take any time.
   *
   * @default 30_000
   */
  readonly serviceTimeout?: number | undefined
}

/** How to hear of a goal. Aborting `signal` cancels the goal; `timeout` is about its being taken. */
export interface AttachOptions<Feedback> extends CallOptions {
  /** Is called with each feedback, for who prefers that to iterating. */
  readonly onFeedback?: ((feedback: Feedback) => void) | undefined
}

export interface GoalOptions<Feedback> extends AttachOptions<Feedback> {
  /**
   * Names the goal: sending it again is the same goal, and `attach(id)` finds it, also after a restart. A commlib-py
   * service chooses its own.
   *
   * @default a random id
   */
  readonly id?: string | undefined

  /** Says what it is for, to people. */
  readonly description?: string | undefined
}

/**
 * Sends goals: `const goal = await move({ x: 1, y: 2 })`.
 *
 * Rejects with `GOAL_REJECTED` and the service's reason, and as a call does: with `TIMEOUT`, `NO_SERVICE` and the signal's
 * reason.
 *
 * commlib-py: `ActionClient.send_goal`; any number of goals may be under way.
 */
export interface ActionClient<Goal, Feedback, Result> extends AsyncDisposable {
  (goal: Goal, options?: GoalOptions<Feedback>): Promise<GoalHandle<Feedback, Result>>

  /** Finds a goal that runs, or whose result is kept. Rejects with `GOAL_UNKNOWN` if the service knows none. */
  attach(id: string, options?: AttachOptions<Feedback>): Promise<GoalHandle<Feedback, Result>>

  /** Stops following goals, which go on. May be called twice. */
  close(): Promise<void>
}

/**
 * Makes a client on a node or a connected transport. Clients of one action share what they need of the connection.
 *
 * commlib-py: `create_action_client`.
 */
export function createActionClient<T extends ActionTypes>(
  target: Target,
  contract: ActionContract<T>,
  options: ActionClientOptions = {},
): ActionClient<T['goalIn'], T['feedbackOut'], T['resultOut']> {
  const { name, [parts]: shapes } = contract
  shapes.check?.('client', options)
  const { timeout: defaultTimeout = DEFAULT_TIMEOUT, maxBuffered = 1000, serviceTimeout = 30_000 } = options
  const context = contextOf(target)
  const link = context.share(createActionLinks)(contract)
  link.use()
  let closed = false

  type Handle = GoalHandle<T['feedbackOut'], T['resultOut']>

  function assertGoal(id: string, { signal }: CallOptions): void {
    assertOpen(context)
    if (closed) throw new CommlibError('CLOSED', `the client of '${name}' is closed`)
    if (!isGoalId(id)) {
      const rule = '1 to 128 letters, digits, _, ., : and -'
      throw invalidOption(`id must be ${rule}, not ${show(id)}`)
    }
    signal?.throwIfAborted()
  }

  /** Subscribes first, so that nothing of a quick goal is missed. */
  async function follow(
    id: string,
    { timeout, signal, onFeedback }: AttachOptions<T['feedbackOut']> & { timeout: number },
  ) {
    const late = () => new CommlibError('TIMEOUT', `no connection to follow '${name}' over within ${timeout} ms`)
    await withDeadline(link.open(), { timeout, signal, late })
    if (closed) throw new CommlibError('CLOSED', `the client of '${name}' is closed`)
    return new TrackedGoal<T['feedbackOut'], T['resultOut']>(id, {
      context,
      link,
      shapes,
      maxBuffered,
      serviceTimeout,
      onFeedback,
    })
  }

  async function send(goal: T['goalIn'], goalOptions: GoalOptions<T['feedbackOut']> = {}): Promise<Handle> {
    shapes.check?.('goal', goalOptions)
    const { id = randomId(), description = '', signal, timeout = defaultTimeout } = goalOptions
    assertGoal(id, goalOptions)
    link.port.messages++
    const start = performance.now()
    const data = await shapes.goal.outgoing(goal)
    const tracked = await follow(id, { ...goalOptions, timeout })
    const left = Math.max(0, timeout - (performance.now() - start))
    const sending = link.sendGoal({ description, data }, { timeout: left, goalId: id })
    try {
      const reply = await raceSignal(sending, signal)
      if (reply.id === '') throw new CommlibError('GOAL_REJECTED', reply.error || `'${name}' rejected the goal`)
      tracked.accept(reply.id, signal)
    } catch (error) {
      // Only the answer was lost: who is told of its own id knows that the goal was taken.
      if (!signal?.aborted && codeOf(error) === 'TIMEOUT' && tracked.status !== GoalStatus.NONE) {
        tracked.accept(id, signal)
        return tracked
      }
      link.port.errors++
      tracked.drop()
      if (signal?.aborted) void recall(sending)
      // Nobody would follow a goal whose id nobody knows. The service may well not be there: its silence is no news.
      else if (codeOf(error) === 'TIMEOUT' && goalOptions.id === undefined) link.cancelGoal({ id }).catch(() => {})
      throw error
    }
    return tracked
  }

  /** Cancels a goal that is taken when its client has given up. */
  async function recall(sending: Promise<GoalReply>): Promise<void> {
    const { id } = await sending.catch(() => ({ id: '' }))
    if (id !== '') await link.cancelGoal({ id }).catch(context.onError)
  }

  async function attach(id: string, attachOptions: AttachOptions<T['feedbackOut']> = {}): Promise<Handle> {
    shapes.check?.('attach', attachOptions)
    const { signal, timeout = defaultTimeout } = attachOptions
    assertGoal(id, attachOptions)
    link.port.messages++
    const tracked = await follow(id, { ...attachOptions, timeout })
    try {
      const reply = await link.getResult({ id }, { signal, timeout })
      if (reply.status === GoalStatus.NONE) throw new CommlibError('GOAL_UNKNOWN', `'${name}' knows no goal '${id}'`)
      tracked.accept(id, signal)
      tracked.answer(reply)
    } catch (error) {
      link.port.errors++
      tracked.drop()
      throw error
    }
    return tracked
  }

  const { close } = subscription(async () => {
    closed = true
    await link.leave()
  })
  return Object.assign(send, { attach, close, [Symbol.asyncDispose]: close })
}
