import { RemoteError, type RpcTypes } from '@commlib/core'
import {
  BRIDGED,
  CommlibError,
  type Context,
  contextKey,
  createRpcClient,
  createRpcService,
  type InternalRequestContext,
  innerContext,
  type PortCounters,
  parts,
  type RpcParts,
  rpcOf,
  type Subscription,
} from '@commlib/core/internal'
import type { Tally } from './counters.ts'
import type { CallBridgeOptions } from './options.ts'

/** What carries calls from one side to the other. */
export interface CallLaneOptions {
  readonly source: Context
  readonly sink: Context
  readonly options: CallBridgeOptions
  readonly tally: Tally
  readonly ports: readonly PortCounters[]
  readonly onError: (error: unknown) => void
}

/** The call as it is served on one side, and as it is made on the other. */
export interface CallRoute {
  readonly name: string
  readonly sinkName: string
  readonly shapes: Pick<RpcParts, 'request' | 'response'>

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
  const { name, sinkName, shapes, answer, begins, cancelable = true } = route
  // What goes through is counted by the bridge's own ports.
  const served = Object.create(innerContext(source, { paused: source.paused }), { intakes: { value: source.intakes } })
  const call = createRpcClient({ [contextKey]: innerContext(sink) }, rpcOf<RpcTypes>(sinkName, shapes))

  const forward = async (request: unknown, context: InternalRequestContext): Promise<unknown> => {
    for (const port of ports) port.messages++
    const ended = begins?.(context)
    try {
      const reply = await call(request, {
        timeout: context.timeout ?? timeout,
        signal: cancelable ? context.signal : undefined,
        ...goalId(context),
      })
      tally.forwarded++
      return answer === undefined ? reply : answer(reply, context)
    } catch (error) {
      tally.errors++
      for (const port of ports) port.errors++
      throw carried(error)
    } finally {
      ended?.()
    }
  }

  return createRpcService({ [contextKey]: served }, rpcOf<RpcTypes>(name, shapes), forward as never, {
    concurrency,
    cancelable,
    hidden: true,
  })
}

function goalId({ request }: InternalRequestContext): { goalId?: string } {
  return request.goalId === undefined ? {} : { goalId: request.goalId }
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
  lane: CallLaneOptions,
  contract: { readonly [parts]: RpcParts },
  names: Pick<CallRoute, 'name' | 'sinkName'>,
): Promise<Subscription> {
  return openCallLane(lane, { ...names, shapes: contract[parts] })
}
