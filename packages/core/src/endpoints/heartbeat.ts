import { compilePattern } from '../contracts/grammar.ts'
import { invalidMessage, type Shape } from '../contracts/shape.ts'
import type { TopicContract } from '../contracts/topic.ts'
import { nanoseconds } from '../wire/profile.ts'
import { contextOf, type Target } from './context.ts'
import { createPublisher } from './publisher.ts'
import { topicOf } from './topic.ts'

/** A node's sign of life. */
export interface Heartbeat {
  /** When it was sent, by the sender's clock. */
  readonly ts: Date
}

/** @default now */
export type HeartbeatInput = Partial<Heartbeat>

/**
 * The heartbeats of a node, or with `heartbeat('*')` of every node whose namespace is one segment; also of nodes
 * that run on commlib-py, of any version.
 */
export function heartbeat<const Namespace extends string>(
  namespace: Namespace,
): TopicContract<HeartbeatInput, Heartbeat, `${Namespace}.heartbeat`> {
  compilePattern(namespace)
  return heartbeatOn(`${namespace}.heartbeat`)
}

/** Heartbeats on a topic of another name. */
export function heartbeatOn<const Name extends string>(name: Name): TopicContract<HeartbeatInput, Heartbeat, Name> {
  return topicOf(name, heartbeatShape)
}

const heartbeatShape: Shape = {
  outgoing: value => {
    const { ts } = (value ?? {}) as HeartbeatInput
    return { ts: nanoseconds(ts?.getTime() ?? Date.now()) }
  },
  incoming: value => {
    const { ts } = (value ?? {}) as { ts?: unknown }
    const number = typeof ts === 'string' || typeof ts === 'number' ? Number(ts) : Number.NaN
    const date = new Date(number > 0 ? milliseconds(number) : Number.NaN)
    if (Number.isNaN(date.getTime())) throw invalidMessage('/ts', 'must be a timestamp')
    return { ts: date }
  },
}

/** commlib-py's versions count in seconds, milliseconds, microseconds or nanoseconds: told apart by magnitude. */
function milliseconds(ts: number): number {
  if (ts < 1e11) return ts * 1e3
  if (ts < 1e14) return ts
  if (ts < 1e17) return ts / 1e3
  return ts / 1e6
}

/** Where and how often a node shows that it is alive. */
export interface HeartbeatOptions {
  /** @default `<namespace>.heartbeat` */
  readonly topic?: string | undefined

  /**
   * Milliseconds between two.
   *
   * @default 10_000
   */
  readonly interval?: number | undefined
}

/** Publishes one now and then one every `interval`, until the function that it returns is called. */
export function startHeartbeat(target: Target, topic: string, interval: number): () => void {
  const context = contextOf(target)
  const contract: TopicContract<HeartbeatInput, Heartbeat> = heartbeatOn(topic)
  const { publish } = createPublisher(target, contract)
  const beat = () => {
    // While a node closes, its heart may be due once more.
    if (context.closed === undefined) void publish({}).catch(context.onError)
  }
  beat()
  const timer = setInterval(beat, interval)
  return () => clearInterval(timer)
}
