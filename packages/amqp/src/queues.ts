import type { Options } from 'amqplib'

/** Messages that a queue holds for a consumer that is slower than its publishers, before the oldest make place. */
const MAX_LENGTH = 100_000

/** Bytes of them. */
const MAX_BYTES = 256 * 1024 * 1024

const LIMITS = { 'x-max-length': MAX_LENGTH, 'x-max-length-bytes': MAX_BYTES, 'x-overflow': 'drop-head' } as const

/** A subscription's own: it goes with its connection. */
export const OWN: Options.AssertQueue = { exclusive: true, autoDelete: true, durable: false, arguments: LIMITS }

/**
 * A service's, or a group's: it goes with its last consumer. Not durable, since a durable one could not be declared again
 * while its node of a cluster is down.
 */
export const SHARED: Options.AssertQueue = { exclusive: false, autoDelete: true, durable: false, arguments: LIMITS }

/** A durable subscription's, which outlives its process, the broker, and a node of a cluster. */
export function durableQueue(expiry: number): Options.AssertQueue {
  return {
    durable: true,
    autoDelete: false,
    exclusive: false,
    arguments: { 'x-queue-type': 'quorum', 'x-expires': expiry },
  }
}

/** The last value of a topic: one message, in a queue that nobody consumes. */
export const LATCHED: Options.AssertQueue = {
  durable: true,
  autoDelete: false,
  exclusive: false,
  arguments: { 'x-max-length': 1, 'x-overflow': 'drop-head' },
}

export const groupQueue = (group: string, pattern: string): string => `commlib/group/${group}/${pattern}`

export const latchedQueue = (topic: string): string => `commlib/latched/${topic}`

export function durableName(durable: string, group: string | undefined): string {
  return group === undefined ? `commlib/durable/${durable}` : `commlib/durable/${durable}/${group}`
}
