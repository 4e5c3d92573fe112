import type { ActionContract, ActionTypes } from '../contracts/action.ts'
import { parts } from '../contracts/contract.ts'
import { announce, assertOpen, contextKey, contextOf, type Target } from '../endpoints/context.ts'
import type { Intake } from '../endpoints/intake.ts'
import { createPublisher } from '../endpoints/publisher.ts'
import { createRpcService, type InternalRequestContext, type RequestContext } from '../endpoints/rpc-service.ts'
import { CommlibError, toError } from '../errors.ts'
import type { Subscription } from '../transport.ts'
import { show } from '../util/options.ts'
import { subscription } from '../util/subscription.ts'
import { randomId } from '../util/token.ts'
import { createJob } from './goal-job.ts'
import { GoalStatus } from './goal-machine.ts'
import { type GoalHandler, runGoal } from './goal-runner.ts'
import { GoalServer } from './goal-server.ts'
import { innerContext } from './inner-context.ts'
import { actionProtocol, type GoalQuery, type GoalRequest, HEAD_START, isGoalId, type Notice } from './protocol.ts'
import { type ActionServiceOptions, boardOptions } from './service-options.ts'

/** Milliseconds after which a goal begins although the answer that it was taken could not be sent. */
const MAX_TELLING = 1000

/**
 * Serves an action on a node or a connected transport. Resolves once the broker has confirmed.
 *
 * commlib-py: `create_action`. There a handler that raises has succeeded; here its goal was aborted.
 */
export async function createActionService<T extends ActionTypes>(
  target: Target,
  contract: ActionContract<T>,
  handler: GoalHandler<T['goalOut'], T['feedbackIn'], T['resultIn']>,
  options: ActionServiceOptions = {},
): Promise<Subscription> {
  const { [parts]: shapes, name } = contract
  shapes.check?.('an action', { handler: handler ?? null })
  shapes.check?.('serve', options)
  const board = boardOptions(options)
  const { cancelGrace = 5000, cancelable = true, signal } = options
  signal?.throwIfAborted()
  const context = contextOf(target)
  assertOpen(context)
  const { onError } = context
  const { goal: goalShape, feedback: feedbackShape, result: resultShape } = shapes
  const protocol = actionProtocol(name)
  const port = announce(
    context,
    { direction: 'in', kind: 'action-service', name, contract },
    goalShape,
    feedbackShape,
    resultShape,
  )
  const inner = { [contextKey]: innerContext(context) }
  const status = createPublisher(inner, protocol.status)
  const feedback = createPublisher(inner, protocol.feedback)
  const notify = createPublisher(inner, protocol.notify)

  const tell = (notice: Notice) => void notify.publish(notice).catch(onError)

  const server = new GoalServer({
    board,
    cancelGrace,
    publishStatus: (id, value) => status.publish({ type: 'status', id, status: value }),
    publishStart: ({ id, data, description }) => notify.publish({ text: 'Goal Started', id, goal: data, description }),
    run: job => {
      const { id, data, description } = job
      const send = async (value: unknown) => {
        const checked = feedbackShape.outgoing(value)
        // It is awaited when its turn has come: what is checked asynchronously keeps its order.
        if (checked instanceof Promise) checked.catch(() => {})
        await job.sendFeedback(async () => feedback.publish({ type: 'feedback', id, feedback: await checked }))
      }
      const sendAndTell = (value: T['feedbackIn']) => {
        const sent = send(value)
        sent.catch(onError)
        return sent
      }
      const goalContext = { id, description, signal: job.controller.signal, feedback: sendAndTell }
      return runGoal(handler, data as T['goalOut'], goalContext, { feedback: send, check: resultShape.outgoing })
    },
    onEnd: goal => {
      if (goal.status === GoalStatus.ABORTED) port.errors++
    },
    onError,
  })

  const onSendGoal = async ({ data, description }: GoalRequest, request: RequestContext) => {
    const { goalId: id = randomId(), flavour } = internal(request).request
    const told = telling(internal(request))
    tell({ text: 'Set Goal Request', goal: data, description })
    port.messages++
    try {
      if (!isGoalId(id)) throw new CommlibError('INVALID_MESSAGE', `not an id for a goal: ${show(id)}`)
      const error = server.send(createJob({ id, data: await goalShape.incoming(data), description, told }))
      return error === undefined ? { id, error: '', flavour } : { id: '', error, flavour }
    } catch (thrown) {
      port.errors++
      onError(thrown)
      return { id: '', error: toError(thrown).message, flavour }
    }
  }

  const onCancelGoal = async ({ id }: GoalQuery, request: RequestContext) => {
    const { flavour } = internal(request).request
    const goal = cancelable ? await server.cancel(id) : `goals of '${name}' cannot be canceled`
    const canceled = typeof goal !== 'string' && goal.status === GoalStatus.CANCELED
    tell({ text: 'Goal Cancelled', id, status: canceled ? 1 : 0 })
    if (canceled) return { status: 1, result: goal.result, flavour } as const
    const error = typeof goal === 'string' ? { name: 'CommlibError', message: goal } : goal.error
    return { status: 0, error, flavour } as const
  }

  const onGetResult = ({ id }: GoalQuery, request: RequestContext) => {
    const { status = GoalStatus.NONE, result, error } = server.find(id) ?? {}
    return { status, result, error, flavour: internal(request).request.flavour }
  }

  // A node that is stopped takes no goals, but goals under way go on: they can be canceled, and their results fetched.
  const eachIntake = async (change: (intake: Intake) => Promise<void>) => {
    await Promise.all(Array.from(inner[contextKey].intakes, change))
  }
  try {
    await Promise.all([
      createRpcService(inner, protocol.sendGoal, onSendGoal, { cancelable: false }),
      createRpcService(inner, protocol.cancelGoal, onCancelGoal, { cancelable: false, always: true }),
      createRpcService(inner, protocol.getResult, onGetResult, { cancelable: false, always: true }),
    ])
  } catch (error) {
    // What was opened, or still will be, is closed: all three or none.
    await eachIntake(service => service.close().catch(() => {}))
    port.close()
    throw error
  }

  const end = subscription(async () => {
    server.close({ drain: false })
    await server.idle()
    server.dispose()
    context.intakes.delete(intake)
    port.close()
    await eachIntake(service => service.close())
  })
  const intake: Intake = {
    ...end,
    pause: () => eachIntake(service => service.pause()),
    resume: () => eachIntake(service => service.resume()),
    // Nobody waits for this but who closes: what has not begun is not begun any more.
    idle: async () => {
      server.close({ drain: true })
      await server.idle()
    },
    abort: () => server.close({ drain: false }),
  }
  context.intakes.add(intake)
  signal?.addEventListener('abort', () => void intake.close().catch(onError), { once: true })
  return intake
}

/** Resolves when the client can be expected to know that its goal was taken, and under which id. */
function telling(request: InternalRequestContext): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, MAX_TELLING)
    request.afterReply(() => {
      clearTimeout(timer)
      if (request.request.goalId === undefined) setTimeout(resolve, HEAD_START)
      else resolve()
    })
  })
}

/** What every handler gets; an app's are only not told of all of it. */
function internal(request: RequestContext): InternalRequestContext {
  return request as InternalRequestContext
}
