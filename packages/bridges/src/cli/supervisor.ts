import { createNode, type Logger, type Node, type TransportStatus } from '@commlib/core'
import { CommlibError, toError } from '@commlib/core/internal'
import { bridge } from '../bridge.ts'
import type { Bridge, BridgeCounters } from '../options.ts'
import { within } from '../outlet.ts'
import type { BridgeConfiguration, BrokerConfiguration, Configuration } from './configuration.ts'
import { loadBroker, type MakeTransport } from './load-brokers.ts'
import { reserve } from './reserve.ts'

/** Milliseconds until a bridge that could not be opened is tried again. */
const RETRY = 5000

/** Milliseconds that a reload waits for what it has begun. */
const PATIENCE = 2000

export type BridgeState = 'opening' | 'running' | 'failed'

/** How it stands, for people and monitors. */
export interface Report {
  readonly brokers: ReadonlyArray<{ readonly name: string; readonly connected: boolean }>
  readonly bridges: ReadonlyArray<{
    readonly name: string
    readonly kind: string
    readonly from: string
    readonly to: string
    readonly state: BridgeState
    readonly error?: string | undefined
    readonly counters: BridgeCounters
  }>
}

interface Connection {
  readonly identity: string
  readonly node: Node
  connected: boolean
}

interface Running {
  readonly configuration: BridgeConfiguration
  readonly abort: AbortController
  readonly opening: Promise<void>
  state: BridgeState
  error: string | undefined
  bridge: Bridge | undefined
}

const NONE: BridgeCounters = { forwarded: 0, dropped: 0, filtered: 0, looped: 0, errors: 0, spooled: 0, lag: 0 }

/** Runs what a configuration says, and changes it to what the next one says. */
export class Supervisor {
  readonly #log: Logger
  #connections = new Map<string, Connection>()
  #running: Running[] = []

  constructor(log: Logger) {
    this.#log = log
  }

  get report(): Report {
    return {
      brokers: Array.from(this.#connections, ([name, { connected }]) => ({ name, connected })),
      bridges: this.#running.map(({ configuration, state, error, bridge }) => ({
        name: configuration.name,
        kind: configuration.contract.kind,
        from: configuration.from,
        to: configuration.to,
        state,
        error,
        counters: bridge?.counters ?? NONE,
      })),
    }
  }

  /**
   * Opens what is new, then closes what is gone; what is unchanged goes on undisturbed. What changed overlaps for a moment,
   * so that nothing is missed, unless it holds what the new one needs and only one can have: what comes meanwhile waits at
   * its broker.
   */
  async apply(next: Configuration): Promise<void> {
    const makers = await loadAll(next)
    const brokers = await this.#connect(next, makers)
    const same = ({ configuration: { identity, from, to } }: Running, other: BridgeConfiguration) =>
      identity === other.identity &&
      brokers.get(from) === this.#connections.get(from) &&
      brokers.get(to) === this.#connections.get(to)
    const kept = new Map(
      next.bridges.flatMap(other => {
        const found = this.#running.find(running => same(running, other))
        return found === undefined ? [] : [[other, found] as const]
      }),
    )
    const gone = this.#running.filter(running => ![...kept.values()].includes(running))
    const fresh = next.bridges.filter(each => !kept.has(each))
    const exclusive = gone.filter(({ configuration }) => fresh.some(each => isInTheWay(configuration, each)))
    const held = new Set(exclusive.map(({ configuration }) => durableOf(configuration)))
    // One that has to wait for a spool misses nothing meanwhile if its new name is known to the broker before.
    const waiting = fresh.filter(
      each => !held.has(durableOf(each)) && exclusive.some(({ configuration }) => isInTheWay(configuration, each)),
    )
    const signal = AbortSignal.timeout(PATIENCE)
    await Promise.all(
      waiting.map(each => {
        const reserving = reserve(each, nodesOf(each, brokers), signal)
        // A broker that is not there has nothing to keep.
        return reserving.catch(error => signal.aborted || this.#tell(each, error))
      }),
    )
    await Promise.all(exclusive.map(end))
    const running = next.bridges.map(each => kept.get(each) ?? this.#open(each, brokers))
    const opened = running.filter(each => ![...kept.values()].includes(each))
    // As far as their brokers are there: nobody waits for one that is not.
    await within(Promise.all(opened.map(({ opening }) => opening)), PATIENCE)
    await Promise.all(gone.filter(each => !exclusive.includes(each)).map(end))
    for (const each of gone) this.#tellLeft(each, next)
    const before = this.#connections
    this.#running = running
    this.#connections = brokers
    await Promise.all(
      Array.from(before, ([name, connection]) =>
        brokers.get(name) === connection ? undefined : connection.node.close(),
      ),
    )
  }

  /** Lets what is on its way arrive, and closes. */
  async close(): Promise<void> {
    const running = this.#running
    this.#running = []
    await Promise.all(running.map(end))
    await Promise.all(Array.from(this.#connections.values(), ({ node }) => node.close()))
    this.#connections = new Map()
  }

  #tell({ name }: BridgeConfiguration, error: unknown): void {
    this.#log.error(`bridge '${name}': ${toError(error).message}`)
  }

  /** Nobody sends what lies in a spool that no bridge has any more. */
  #tellLeft({ configuration, bridge }: Running, { bridges }: Configuration): void {
    const path = spoolOf(configuration)
    const left = bridge?.counters.spooled ?? 0
    if (path === undefined || left === 0 || bridges.some(each => spoolOf(each) === path)) return
    this.#log.warn(
      `bridge '${configuration.name}': ${left} messages stay in ${path}, until a bridge has it as its spool`,
    )
  }

  async #connect(
    { brokers }: Configuration,
    makers: ReadonlyMap<string, MakeTransport>,
  ): Promise<Map<string, Connection>> {
    const connections = new Map<string, Connection>()
    for (const [name, broker] of brokers) {
      const identity = JSON.stringify(broker)
      const known = this.#connections.get(name)
      connections.set(
        name,
        known?.identity === identity
          ? known
          : await this.#connectTo(broker, identity, makers.get(name) as MakeTransport),
      )
    }
    return connections
  }

  async #connectTo({ name, wire }: BrokerConfiguration, identity: string, make: MakeTransport): Promise<Connection> {
    const log = this.#log
    const onStatus = (status: TransportStatus) => {
      const { type } = status
      if (type === 'connected') {
        connection.connected = true
        log.info(`${name}: connected`)
      } else if (type === 'disconnected') {
        connection.connected = false
        log.warn(`${name}: disconnected${status.cause === undefined ? '' : `: ${status.cause.message}`}`)
      } else if (type === 'reconnecting') {
        // The first, and then ever fewer.
        if ((status.attempt & (status.attempt - 1)) === 0)
          log.warn(`${name}: ${status.cause?.message ?? 'not there'}; trying again`)
      } else if (type === 'error') log.error(`${name}: ${status.error.message}`)
      else if (type === 'messages-lost') log.warn(`${name}: ${status.count ?? 'some'} messages lost: ${status.reason}`)
      else log.warn(`${name}: session lost`)
    }
    const connection = { identity, connected: false, node: undefined as unknown as Node }
    connection.node = await createNode({
      name: `bridge-${process.pid}`,
      transport: make(),
      wire,
      heartbeat: false,
      waitForBroker: true,
      log,
      onStatus,
      onError: error => log.error(`${name}: ${toError(error).message}`),
    })
    // A transport in memory is connected at once, and says nothing.
    connection.connected ||= connection.node.state === 'running'
    return connection
  }

  #open(configuration: BridgeConfiguration, brokers: ReadonlyMap<string, Connection>): Running {
    const abort = new AbortController()
    const log = this.#log
    const [from, to] = nodesOf(configuration, brokers)
    const attempt = async (): Promise<void> => {
      while (!abort.signal.aborted) {
        try {
          const options = { ...configuration.options, signal: abort.signal }
          running.bridge = await bridge(from, to, configuration.contract, options)
          running.state = 'running'
          running.error = undefined
          log.info(`bridge '${configuration.name}': running`)
          return
        } catch (error) {
          if (abort.signal.aborted) return
          running.state = 'failed'
          running.error = toError(error).message
          log.error(`bridge '${configuration.name}': ${running.error}; trying again in ${RETRY / 1000} s`)
          await pause(RETRY, abort.signal)
        }
      }
    }
    const running: Running = {
      configuration,
      abort,
      opening: Promise.resolve().then(attempt),
      state: 'opening',
      error: undefined,
      bridge: undefined,
    }
    return running
  }
}

/** Loads what a configuration needs, and checks what needs no broker. */
export async function loadAll({ brokers, bridges }: Configuration): Promise<Map<string, MakeTransport>> {
  const makers = new Map<string, MakeTransport>()
  for (const [name, broker] of brokers) makers.set(name, await loadBroker(broker))
  if (bridges.some(({ options }) => 'spool' in options && options.spool !== undefined)) {
    const { assertStore } = await import('../spool/load-store.ts')
    await assertStore()
  }
  return makers
}

function nodesOf({ from, to }: BridgeConfiguration, brokers: ReadonlyMap<string, Connection>): [Node, Node] {
  // Reading the configuration has seen to their names.
  return [(brokers.get(from) as Connection).node, (brokers.get(to) as Connection).node]
}

/** Whether the one holds what the other needs: a spool, a durable name, or calls that would go in a circle. */
function isInTheWay(one: BridgeConfiguration, other: BridgeConfiguration): boolean {
  const spool = spoolOf(one)
  if (spool !== undefined && spool === spoolOf(other)) return true
  const durable = durableOf(one)
  if (durable !== undefined && durable === durableOf(other)) return true
  return isOfCalls(one) && isOfCalls(other) && one.from === other.to && one.to === other.from
}

function spoolOf({ options }: BridgeConfiguration): string | undefined {
  return 'spool' in options ? options.spool?.path : undefined
}

/** The name at its broker. */
function durableOf({ from, options }: BridgeConfiguration): string | undefined {
  const { durable, member = '' } = ('source' in options ? options.source : undefined) ?? {}
  return durable === undefined ? undefined : `${from} ${durable} ${member}`
}

function isOfCalls({ contract }: BridgeConfiguration): boolean {
  return contract.kind === 'rpc' || contract.kind === 'action'
}

async function end({ abort, bridge }: Running): Promise<void> {
  const closing = bridge?.close()
  abort.abort(new CommlibError('CLOSED', 'the bridge was closed'))
  await closing
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}
