import { RemoteError, type RpcTypes } from '@commlib/core'
import {
  BRIDGED,
  CommlibError,
  type Context,
  contextKey,
  createRpcClient,
  createRpcService,
  type InternalCallOptions,
  type InternalRequestContext,
  innerContext,
  type PortCounters,
  parts,
  type RpcParts,
  rpcOf,
  type Subscription,
  subscription,
} from '@commlib/core/internal'
import { openWay, placeOf } from './call-loops.ts'
import type { Tally } from './counters.ts'
import { callHops } from './loops.ts'
import type { CallBridgeOptions, CallContext, RpcBridgeOptions } from './options.ts'

/** Thrown for a call that a filter stops. */
const FILTERED = Symbol('filtered')

/** What carries calls from one side to the other. */
export interface CallLaneOptions {
  readonly source: Context
  readonly sink: Context
  readonly options: CallBridgeOptions
  readonly brokers: readonly [source: string | undefined, sink: string | undefined]
  readonly tally: Tally
  readonly ports: readonly PortCounters[]
  readonly onError: (error: unknown) => void
}

/** The call as it is served on one side, and as it is made on the other. */
export interface CallRoute {
  readonly name: string
  readonly sinkName: string
  readonly shapes: Pick<RpcParts, 'request' | 'response'>

  /** Makes of a request what is sent on. Throws for one that is not to pass. */
  readonly ask?: ((request: unknown) => unknown) | undefined

  /** Makes of the answer what is sent on, which may say how the request was written. */
  readonly answer?: ((answer: unknown, request: InternalRequestContext) => unknown) | undefined

  /** Is told that one is under way. What it returns is called when it is answered. */
  readonly begins?: ((request: InternalRequestContext) => () => void) | undefined

  /** Whether callers can cancel it. @default true */
  readonly cancelable?: boolean | undefined
}

/** Serves a call by making it on the other side. Resolves once the source's broker has confirmed. */
export async function openCallLane(lane: CallLaneOptions, route: CallRoute): Promise<Subscription> {
  const { source, sink, options, tally, ports } = lane
  const { timeout = 10_000, concurrency = 1024 } = options
  const { name, sinkName, shapes, ask, answer, begins, cancelable = true } = route
  // What goes through is counted by the bridge's own ports.
  const served = Object.create(innerContext(source, { paused: source.paused }), { intakes: { value: source.intakes } })
  const [from, to] = [placeOf(source, lane.brokers[0], name), placeOf(sink, lane.brokers[1], sinkName)]
  const closeWay = openWay(from, to)
  const call = createRpcClient({ [contextKey]: innerContext(sink) }, rpcOf<RpcTypes>(sinkName, shapes))

  const forward = async (request: unknown, context: InternalRequestContext): Promise<unknown> => {
    for (const port of ports) port.messages++
    const hops = callHops(context.request.hops, from.broker, to.broker)
    if (hops === undefined) {
      tally.looped++
      throw carried(new CommlibError('NO_SERVICE', `calls of '${name}' come back to a broker that they have been on`))
    }
    const ended = begins?.(context)
    try {
      const reply = await call(ask === undefined ? request : await ask(request), {
        timeout: context.timeout ?? timeout,
        signal: cancelable ? context.signal : undefined,
        ...besides(context, hops),
      })
      const answered = answer === undefined ? reply : await answer(reply, context)
      tally.forwarded++
      return answered
    } catch (error) {
      if (error === FILTERED) {
        tally.filtered++
        throw carried(new CommlibError('NOT_AUTHORIZED', `no such call of '${name}' is let through`))
      }
      tally.errors++
      for (const port of ports) port.errors++
      throw carried(error)
    } finally {
      ended?.()
    }
  }

  try {
    const service = rpcOf<RpcTypes>(name, shapes)
    const how = { concurrency, cancelable, hidden: true }
    const { close } = await createRpcService({ [contextKey]: served }, service, forward as never, how)
    return subscription(async () => {
      closeWay()
      await close()
    })
  } catch (error) {
    closeWay()
    throw error
  }
}

/** What travels beside the request. */
function besides({ request: { goalId } }: InternalRequestContext, hops: string): InternalCallOptions {
  return goalId === undefined ? { hops } : { hops, goalId }
}

/** What the caller is told: what the handler threw, as if there were no bridge; or what became of the call on the way. */
function carried(error: unknown): unknown {
  if (error instanceof RemoteError) {
    const { name, message, code } = error.remote
    return Object.assign(new Error(message), { name, code })
  }
  if (error instanceof CommlibError) return Object.assign(new Error(error.message), { name: BRIDGED, code: error.code })
  return error
}

/** Carries a contract of calls. */
export function openRpcLane(
  lane: CallLaneOptions & { readonly options: RpcBridgeOptions },
  contract: { readonly [parts]: RpcParts },
  names: Pick<CallRoute, 'name' | 'sinkName'>,
): Promise<Subscription> {
  const { filter, transform: { request: asked, response: answered } = {} } = lane.options
  const context: CallContext = names
  const ask = (request: unknown) => {
    if (filter?.(request, context) === false) throw FILTERED
    return asked === undefined ? request : asked(request, context)
  }
  return openCallLane(lane, {
    ...names,
    shapes: contract[parts],
    ask: filter === undefined && asked === undefined ? undefined : ask,
    answer: answered === undefined ? undefined : reply => answered(reply, context),
  })
}
