import { CommlibError } from '../errors.ts'
import { assertOptions, integer, type Rule } from '../util/options.ts'
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

/** Makes transports inside a process. */
export interface Memory {
  /** @param options the name of a hub, an URL such as `memory://plant`, or options */
  (options?: string | MemoryOptions): MemoryTransport

  /** The URL schemes it takes. */
  readonly schemes: readonly string[]
}

/** The transport inside a process: a broker's semantics without a broker. */
export const memory: Memory = /* @__PURE__ */ Object.assign(create, { schemes: ['memory'] })

function create(options: string | MemoryOptions = {}): MemoryTransport {
  const given: MemoryOptions = typeof options === 'string' ? { hub: hubOf(options) } : options
  assertOptions('memory', given, { hub: HUB, maxMessages: integer(1) })
  const { hub: name = 'default', maxMessages } = given
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

const HUB: Rule = ['a name', value => typeof value === 'string' && value !== '']

/** What an URL names: `memory://plant` is the hub `plant`, and `memory://` the default one. */
function hubOf(text: string): string {
  return /^memory:/i.test(text) ? text.replace(/^memory:(\/\/)?/i, '') || 'default' : text
}
