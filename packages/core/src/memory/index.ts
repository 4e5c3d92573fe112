import { CommlibError } from '../errors.ts'
import { Hub } from './hub.ts'
import { createMemoryTransport, type MemoryTransport } from './transport.ts'

export type { MemoryTransport } from './transport.ts'

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** Transports of one process that name the same hub reach each other. @default 'default' */
  readonly hub?: string | undefined

  /**
   * Frames that a hub holds for each subscription and each queue. It is fixed by the first that names the hub.
   *
   * @default 100_000
   */
  readonly maxMessages?: number | undefined
}

/** The only state of this module: what is in memory must be found by name. */
const hubs = new Map<string, Hub>()

/** The transport inside a process: a broker's semantics without a broker. */
export function memory(options: string | MemoryOptions = {}): MemoryTransport {
  const { hub: name = 'default', maxMessages } = typeof options === 'string' ? { hub: options } : options
  if (maxMessages !== undefined && !(maxMessages >= 1)) {
    throw new CommlibError('INVALID_OPTION', `maxMessages must be 1 or more, not ${maxMessages}`)
  }
  let hub = hubs.get(name)
  if (hub === undefined) {
    hub = new Hub(maxMessages ?? 100_000)
    hubs.set(name, hub)
  } else if (maxMessages !== undefined && maxMessages !== hub.capacity) {
    throw new CommlibError(
      'INVALID_OPTION',
      `maxMessages of hub '${name}' is ${hub.capacity} already, not ${maxMessages}`,
    )
  }
  return createMemoryTransport(hub)
}
