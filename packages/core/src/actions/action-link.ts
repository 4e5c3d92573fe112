import type { ActionContract } from '../contracts/action.ts'
import { parts } from '../contracts/contract.ts'
import { announce, type Context, contextKey } from '../endpoints/context.ts'
import type { PortCounters } from '../endpoints/port.ts'
import { createRpcClient, type InternalCallOptions } from '../endpoints/rpc-client.ts'
import { createSubscriber } from '../endpoints/subscriber.ts'
import { CommlibError } from '../errors.ts'
import type { TransportStatus } from '../transport.ts'
import type { CallOptions } from '../util/abort.ts'
import type { GoalStatus } from './goal-machine.ts'
import type { GoalMessage } from './goal-tracker.ts'
import { innerContext } from './inner-context.ts'
import {
  actionProtocol,
  type CancelStatus,
  type GoalQuery,
  type GoalReply,
  type GoalRequest,
  type ResultReply,
} from './protocol.ts'

/** What hears of a goal. */
export interface GoalListener {
  readonly id: string

  /** Until then the service may know the goal under another id. */
  readonly accepted: boolean
  onMessage(message: GoalMessage): void
  onReconnect(): void
  onClosed(error: CommlibError): void
}

/** What all clients of one action share on a connection: its calls, and one subscription for all their goals. */
export class ActionLink {
  readonly sendGoal: (request: GoalRequest, options: InternalCallOptions) => Promise<GoalReply>
  readonly cancelGoal: (query: GoalQuery, options?: CallOptions) => Promise<ResultReply<CancelStatus>>
  readonly getResult: (query: GoalQuery, options?: CallOptions) => Promise<ResultReply<GoalStatus>>
  readonly port: PortCounters
  readonly #context: Context
  readonly #inner: { readonly [contextKey]: Context }
  readonly #protocol: ReturnType<typeof actionProtocol>
  readonly #goals = new Map<string, Set<GoalListener>>()
  readonly #onClose: () => void
  #opening: Promise<unknown> | undefined
  #users = 0

  /** Rises when the connection is lost and when it is back: the same before and after a call if it stood all the time. */
  changes = 0

  constructor(context: Context, contract: ActionContract, onClose: () => void) {
    const { name } = contract
    this.#context = context
    this.#inner = { [contextKey]: innerContext(context, { paused: false }) }
    this.#protocol = actionProtocol(name)
    this.#onClose = onClose
    this.sendGoal = createRpcClient(this.#inner, this.#protocol.sendGoal)
    this.cancelGoal = createRpcClient(this.#inner, this.#protocol.cancelGoal)
    this.getResult = createRpcClient(this.#inner, this.#protocol.getResult)
    const { goal, feedback, result } = contract[parts]
    this.port = announce(context, { direction: 'out', kind: 'action-client', name, contract }, goal, feedback, result)
    context.onStatus.add(this.#onStatus)
    context.closing.add(this.#close)
  }

  use(): void {
    this.#users++
  }

  /** The last one that leaves closes it. */
  async leave(): Promise<void> {
    if (--this.#users === 0) await this.#close()
  }

  /** Subscribes, before the first goal. A failure is not kept: the next goal tries again. */
  open(): Promise<unknown> {
    this.#opening ??= Promise.all([
      createSubscriber(this.#inner, this.#protocol.status, this.#hear),
      createSubscriber(this.#inner, this.#protocol.feedback, this.#hear),
    ]).catch(async error => {
      await this.#unsubscribe().catch(() => {}) // one of them may have been established
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  add(goal: GoalListener): void {
    const goals = this.#goals.get(goal.id)
    if (goals === undefined) this.#goals.set(goal.id, new Set([goal]))
    else goals.add(goal)
  }

  remove(goal: GoalListener): void {
    const goals = this.#goals.get(goal.id)
    if (goals?.delete(goal) && goals.size === 0) this.#goals.delete(goal.id)
  }

  readonly #hear = (message: GoalMessage): void => {
    const known = this.#goals.get(message.id)
    if (known !== undefined) for (const goal of known) goal.onMessage(message)
    // It may belong to one whose id has not arrived yet.
    else for (const goal of this.#all()) if (!goal.accepted) goal.onMessage(message)
  }

  readonly #onStatus = ({ type }: TransportStatus): void => {
    if (type !== 'connected' && type !== 'disconnected') return
    this.changes++
    if (type === 'connected') for (const goal of this.#all()) goal.onReconnect()
  }

  readonly #close = async (): Promise<void> => {
    this.#context.onStatus.delete(this.#onStatus)
    this.#context.closing.delete(this.#close)
    this.port.close()
    this.#onClose()
    const error = new CommlibError('CLOSED', 'the action client was closed before its goal was over')
    for (const goal of this.#all()) goal.onClosed(error)
    await this.#opening?.catch(() => {})
    await this.#unsubscribe()
  }

  async #unsubscribe(): Promise<void> {
    await Promise.all(Array.from(this.#inner[contextKey].intakes, each => each.close()))
  }

  #all(): GoalListener[] {
    return [...this.#goals.values()].flatMap(goals => [...goals])
  }
}

/** For {@link Context.share}: the links of a connection, by the name of their action. */
export function createActionLinks(context: Context): (contract: ActionContract) => ActionLink {
  const links = new Map<string, ActionLink>()
  return contract => {
    const { name } = contract
    let link = links.get(name)
    if (link === undefined) {
      link = new ActionLink(context, contract, () => links.delete(name))
      links.set(name, link)
    }
    return link
  }
}
