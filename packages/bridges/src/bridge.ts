import { join } from 'node:path'
import {
  announce,
  CommlibError,
  type Context,
  contextOf,
  parts,
  subscription,
  type Target,
} from '@commlib/core/internal'
import { openActionLane } from './action-bridge.ts'
import { type CallLaneOptions, openRpcLane } from './call-bridge.ts'
import type { MessageContract } from './conversion.ts'
import { countersOf, newTally } from './counters.ts'
import { type Lane, openMessageLane } from './message-lane.ts'
import { namedAsInPython, nameOf, type Route, renaming, wayBack } from './naming.ts'
import { checkOptions } from './option-rules.ts'
import type {
  Bridge,
  BridgeContract,
  BridgeOptions,
  CommonOptions,
  Converting,
  MessageBridgeOptions,
  RpcBridgeOptions,
} from './options.ts'
import { bestEffortOutlet, reliableOutlet } from './outlet.ts'
import { spoolingOutlet } from './spool/outlet.ts'

/** What all directions of a bridge share. */
type Shared = Pick<CallLaneOptions, 'tally' | 'ports'> & {
  readonly source: Context
  readonly sink: Context
  readonly tell: (context: Context) => (error: unknown) => void

  /** Keeps what is open, to be closed. */
  readonly keep: (lane: Lane) => void
}

/**
 * Carries what one contract describes from one broker to another: messages from `from` to `to`; calls and goals of clients
 * on `from` to the service on `to`. Resolves once both brokers have confirmed.
 *
 * commlib-py: `TopicBridge`, `PTopicBridge`, `RPCBridge`; it has none for actions.
 *
 * @param from a node or a connected transport, which stays its owner's to close
 * @param to likewise
 */
export async function bridge<C extends BridgeContract>(
  from: Target,
  to: Target,
  contract: C,
  options: BridgeOptions<C> = {} as BridgeOptions<C>,
): Promise<Bridge> {
  checkOptions(contract, options)
  // What fits a contract's kind, the options of its kind have.
  const { signal, onError, name = nameOf(contract) } = options as CommonOptions
  signal?.throwIfAborted()
  const source = contextOf(from)
  const sink = contextOf(to)
  const tally = newTally()
  const ports = [source, sink].map(context => announce(context, { direction: 'inout', kind: 'bridge', name, contract }))
  const lanes: Lane[] = []
  const end = subscription(async () => {
    source.closing.delete(end.close)
    sink.closing.delete(end.close)
    try {
      await Promise.all(lanes.map(lane => lane.close()))
    } finally {
      for (const port of ports) port.close()
    }
  })
  const shared: Shared = {
    source,
    sink,
    tally,
    ports,
    keep: lane => lanes.push(lane),
    tell: context => error => {
      context.onError(error)
      onError?.(error)
    },
  }

  try {
    if (contract.kind === 'topic' || contract.kind === 'event') {
      await openMessages(shared, contract, options as MessageBridgeOptions<never, unknown>)
    } else await openCalls(shared, contract, options as RpcBridgeOptions)
  } catch (error) {
    await end.close()
    throw error
  }
  source.closing.add(end.close)
  sink.closing.add(end.close)
  signal?.addEventListener('abort', () => void end.close().catch(source.onError), { once: true })
  return {
    ...end,
    name,
    kind: contract.kind,
    get counters() {
      return countersOf(tally, lanes)
    },
  }
}

async function openMessages(
  shared: Shared,
  contract: MessageContract & BridgeContract,
  options: MessageBridgeOptions<never, unknown>,
): Promise<void> {
  const name = nameOf(contract)
  const { twoWay = false, brokers = [undefined, undefined], filter, transform } = options
  const { delivery } = contract[parts]

  const open = async (
    sides: Pick<Shared, 'source' | 'sink'>,
    route: Route,
    how: Converting<never, unknown>,
    back = false,
  ) => {
    const onError = shared.tell(sides.source)
    const { spool } = options
    const sinkReliable =
      spool !== undefined || (options.sink?.reliable ?? options.reliable ?? delivery.reliable ?? false)
    const latched = options.sink?.latched ?? options.latched ?? delivery.latched ?? false
    const { maxInFlight = 1000 } = options
    assertCan(sides.sink, { reliable: sinkReliable, latched })
    shared.keep(
      await openMessageLane({
        ...shared,
        ...sides,
        contract,
        route,
        converting: how,
        options: options as MessageBridgeOptions,
        brokers: back ? [brokers[1], brokers[0]] : brokers,
        sinkReliable,
        openOutlet: (publishing, sourceReliable) => {
          const outlet = { sink: sides.sink, publishing, latched, maxInFlight, tally: shared.tally, onError }
          if (!sinkReliable) return Promise.resolve(bestEffortOutlet(outlet))
          if (spool === undefined) return Promise.resolve(reliableOutlet(outlet))
          // Each direction has a store of its own.
          const path = twoWay === false ? spool.path : join(spool.path, back ? 'back' : 'forth')
          return spoolingOutlet(outlet, { ...spool, path }, sourceReliable)
        },
        onError,
      }),
    )
  }

  const way = typeof twoWay === 'object' ? twoWay : {}
  const back = twoWay === false ? undefined : wayBack(name, options, way)
  const rename = renaming(options, name)
  const [from, to] = [shared.source.transport.name, shared.sink.transport.name]
  const named = options.naming === 'commlib-py' ? namedAsInPython(rename, from, to) : rename
  await open(shared, { pattern: name, rename: named }, { filter, transform })
  if (back === undefined) return
  const { source, sink } = shared
  const how = { filter: way.filter ?? filter, transform: way.transform }
  await open({ source: sink, sink: source }, back, how, true)
}

async function openCalls(
  shared: Shared,
  contract: Extract<BridgeContract, { readonly kind: 'rpc' | 'action' }>,
  options: RpcBridgeOptions,
): Promise<void> {
  const { name } = contract
  const names = { name, sinkName: renaming(options, name)(name) }
  const { brokers = [undefined, undefined] } = options
  const open = async (source: Context, sink: Context, brokers: CallLaneOptions['brokers']) => {
    const lane = { ...shared, source, sink, brokers, options, onError: shared.tell(source) }
    const { close } =
      contract.kind === 'rpc' ? await openRpcLane(lane, contract, names) : await openActionLane(lane, names)
    shared.keep({ close, spooled: 0, oldest: undefined })
  }
  await open(shared.source, shared.sink, brokers)
  if (options.twoWay) await open(shared.sink, shared.source, [brokers[1], brokers[0]])
}

function assertCan({ transport: { name, supports } }: Context, how: { reliable: boolean; latched: boolean }): void {
  if (how.reliable && supports.reliable === false)
    throw new CommlibError('UNSUPPORTED', `${name} confirms no messages: as a sink it cannot be reliable`)
  if (how.latched && supports.latched === false)
    throw new CommlibError('UNSUPPORTED', `${name} keeps no messages: as a sink it cannot be latched`)
}
