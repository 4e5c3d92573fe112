import {
  type Context,
  compilePattern,
  type Frame,
  type Intake,
  isInternal,
  openIntake,
  type PortCounters,
  parts,
  withTopic,
} from '@commlib/core/internal'
import { assertSize, CALL, type Converted, conversion, FILTERED, type MessageContract } from './conversion.ts'
import type { Backlog, Tally } from './counters.ts'
import { limiter } from './limits.ts'
import { brokerName, guardLoops, type Publishing } from './loops.ts'
import type { Route } from './naming.ts'
import type { BridgeContext, Converting, MessageBridgeOptions } from './options.ts'
import type { Outlet } from './outlet.ts'

/** One direction of a bridge of messages. */
export interface LaneOptions {
  readonly source: Context
  readonly sink: Context
  readonly contract: MessageContract
  readonly route: Route
  readonly converting: Converting<never, unknown>
  readonly options: MessageBridgeOptions
  readonly brokers: readonly [source: string | undefined, sink: string | undefined]
  readonly tally: Tally
  readonly ports: readonly PortCounters[]

  /** Whether the sink confirms what is published. */
  readonly sinkReliable: boolean

  /** Opens what gets messages to the sink. */
  readonly openOutlet: (publishing: Publishing, sourceReliable: boolean) => Promise<Outlet>
  readonly onError: (error: unknown) => void
}

export interface Lane extends Backlog {
  /** Takes nothing more; resolves when what is on its way has arrived, or it has waited for long enough. */
  close(): Promise<void>
}

/** Never settles: what is not acknowledged is another's to carry. */
const unacknowledged = new Promise<void>(() => {})

/** Milliseconds that closing waits for what is on its way. */
const GRACE = 5000

/** Subscribes, and forwards. Resolves once the source's broker has confirmed. */
export async function openMessageLane(lane: LaneOptions): Promise<Lane> {
  const { source, sink, contract, route, converting, options, tally, ports, sinkReliable, onError } = lane
  const { validate = contract.schema !== undefined, rate = Infinity, sample = 1 } = options
  const { delivery } = contract[parts]
  const { durable, group, member, ...read } = options.source ?? {}
  const wanted = options.reliable ?? delivery.reliable ?? false
  const reliable = read.reliable ?? (durable !== undefined || wanted)
  const latched = read.latched ?? options.latched ?? delivery.latched
  const { address, match } = compilePattern(route.pattern)
  const convert = conversion({ source, sink, parts: contract[parts], validate, ...converting })
  const passes = limiter(rate, sample)
  const guard = guardLoops({
    source: { context: source, name: brokerName(source, lane.brokers[0]), reliable },
    sink: { context: sink, name: brokerName(sink, lane.brokers[1]), reliable: sinkReliable },
    pattern: address,
  })
  const outlet = await lane.openOutlet(guard, reliable).catch(error => {
    guard.close()
    throw error
  })
  let closed = false

  const fail = (topic: string, error: unknown) => {
    tally.errors++
    tally.dropped++
    for (const port of ports) port.errors++
    onError(withTopic(error, topic))
  }

  /** Resolves when it may be acknowledged. */
  const pass = (converted: Converted, context: BridgeContext, hops: string): void | Promise<void> => {
    if (converted === CALL) return
    if (converted === FILTERED || passes?.(context.topic) === false) {
      tally.filtered++
      return
    }
    assertSize(converted, sink)
    const { body, contentType, contentEncoding, expiry } = converted
    const topic = context.sinkTopic
    const marked: Frame = { body, contentType, contentEncoding, expiry, headers: guard.mark(converted, hops) }
    for (const port of ports) port.messages++
    return outlet.take({ topic, frame: marked, at: performance.now() })
  }

  // What is checked or transformed asynchronously must not be overtaken.
  let order: Promise<unknown> | undefined
  const later = (converted: Converted | Promise<Converted>, context: BridgeContext, hops: string): Promise<void> => {
    const turn = Promise.allSettled([converted as Promise<Converted>, order]).then(([ready]) => {
      if (order === turn) order = undefined
      try {
        if (ready.status === 'rejected') throw ready.reason
        return { done: pass(ready.value, context, hops) }
      } catch (error) {
        fail(context.topic, error)
        return { done: undefined }
      }
    })
    order = turn
    return turn.then(({ done }) => done)
  }

  const onFrame = (topic: string, frame: Frame): void | Promise<void> => {
    if (closed) return unacknowledged
    const params = match(topic)
    if (params === undefined || frame.replyTo !== undefined || isInternal(topic)) return
    const hops = guard.arrived(topic, frame)
    if (hops === undefined) {
      tally.looped++
      return
    }
    try {
      const sinkTopic = route.rename(topic)
      const context: BridgeContext = { topic, params, latched: frame.latched === true, sinkTopic }
      const converted = convert(frame, context)
      if (order !== undefined || converted instanceof Promise) return later(converted, context, hops)
      return pass(converted, context, hops)
    } catch (error) {
      fail(topic, error)
    }
  }

  const intake: Intake = await openIntake(source, {
    establish: () =>
      source.transport.subscribe(address, reliable ? onFrame : fireAndForget(onFrame), {
        reliable,
        latched,
        durable,
        group,
        member,
        signal: options.signal,
      }),
    idle: () => outlet.idle(GRACE),
    onClose: () => guard.close(),
  }).catch(async error => {
    await outlet.close()
    throw error
  })

  return {
    get spooled() {
      return outlet.spooled
    },
    get oldest() {
      return outlet.oldest
    },
    close: async () => {
      closed = true
      await order
      await outlet.idle(GRACE)
      await intake.close()
      await outlet.close()
    },
  }
}

/** A transport waits for no best-effort message. */
function fireAndForget(onFrame: (topic: string, frame: Frame) => void | Promise<void>) {
  return (topic: string, frame: Frame): void => void onFrame(topic, frame)
}
