import {
  actionProtocol,
  CommlibError,
  type GoalQuery,
  type GoalReply,
  type InternalRequestContext,
  parts,
  type Subscription,
  subscription,
} from '@commlib/core/internal'
import { type CallLaneOptions, openCallLane } from './call-bridge.ts'
import type { MessageContract } from './conversion.ts'
import { headStart } from './head-start.ts'
import type { Publishing } from './loops.ts'
import { openMessageLane } from './message-lane.ts'
import { bestEffortOutlet } from './outlet.ts'
import { storedResults } from './stored-results.ts'

/**
 * Carries an action: its three calls one way, its three topics the other. The bridge itself knows no goal: the one service
 * decides, so both sides always agree on it, and a bridge that comes back goes on where it was.
 */
export async function openActionLane(
  lane: CallLaneOptions,
  names: { readonly name: string; readonly sinkName: string },
): Promise<Subscription> {
  const here = actionProtocol(names.name)
  const there = actionProtocol(names.sinkName)
  const { begins, holding } = headStart()
  const { taken, ready } = storedResults()
  const opened: Subscription[] = []
  const close = () => Promise.all(opened.map(each => each.close()))
  try {
    // What goals tell is heard before the first can be sent.
    for (const topic of ['status', 'feedback', 'notify'] as const) {
      const { source: sink, tally, onError } = lane
      const openOutlet = async (publishing: Publishing) =>
        holding(bestEffortOutlet({ sink, publishing, latched: false, maxInFlight: 10_000, tally, onError }))
      const route = { pattern: there[topic].name, rename: () => here[topic].name }
      const contract: MessageContract = { kind: 'topic', schema: undefined, [parts]: there[topic][parts] }
      const { close: end } = await openMessageLane({
        ...lane,
        source: lane.sink,
        sink: lane.source,
        contract,
        route,
        converting: {},
        options: {},
        brokers: [lane.brokers[1], lane.brokers[0]],
        sinkReliable: false,
        openOutlet,
      })
      opened.push(subscription(end))
    }
    for (const call of ['getResult', 'cancelGoal', 'sendGoal'] as const) {
      opened.push(
        await openCallLane(lane, {
          name: here[call].name,
          sinkName: there[call].name,
          shapes: here[call][parts],
          answer,
          cancelable: false,
          ...(call === 'sendGoal' && {
            begins,
            answer: (reply, context) => {
              taken((reply as GoalReply).id, context.request.goalId)
              return answer(reply, context)
            },
          }),
          ...(call === 'getResult' && { ask: query => ready(query as GoalQuery) }),
        }),
      )
    }
  } catch (error) {
    await close()
    throw error
  }
  return subscription(async () => {
    await close()
  })
}

/** Is written as the client can read it. */
function answer(reply: unknown, { request }: InternalRequestContext): unknown {
  const said = reply as { readonly status?: number | undefined }
  // A commlib-py service whose handler failed has no answer; an empty one would say that there is no such goal.
  if ('status' in said && said.status === undefined) throw new CommlibError('INVALID_MESSAGE', 'the service has failed')
  return { ...said, flavour: request.flavour }
}
