import { createNode, type Logger, type Node, type TransportStatus } from '@commlib/core'
import { CommlibError, toError } from '@commlib/core/internal'
import { bridge } from '../bridge.ts'
import type { Bridge, BridgeCounters } from '../options.ts'
import type { BridgeConfiguration, BrokerConfiguration, Configuration } from './configuration.ts'
import { loadBroker, type MakeTransport } from './load-brokers.ts'

/** Milliseconds until a bridge that could not be opened is tried again. */
const RETRY = 5000

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
   * so that nothing is missed, unless it holds a durable name or a spool that only one can have: what comes meanwhile waits
   * for it at its broker.
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
    const exclusive = gone.filter(({ configuration }) => isExclusive(configuration))
    await Promise.all(exclusive.map(end))
    const running = next.bridges.map(each => kept.get(each) ?? this.#open(each, brokers))
    const opened = running.filter(each => ![...kept.values()].includes(each))
    // As far as their brokers are there: nobody waits for one that is not.
    await Promise.race([
      Promise.all(opened.map(({ opening }) => opening)),
      new Promise(resolve => setTimeout(resolve, 2000)),
    ])
    await Promise.all(gone.filter(each => !exclusive.includes(each)).map(end))
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
    const [from, to] = [configuration.from, configuration.to].map(name => (brokers.get(name) as Connection).node)
    const attempt = async (): Promise<void> => {
      while (!abort.signal.aborted) {
        try {
          const options = { ...configuration.options, signal: abort.signal }
          running.bridge = await bridge(from as Node, to as Node, configuration.contract, options)
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

/** Whether it holds what no two can have at a time. */
function isExclusive({ options }: BridgeConfiguration): boolean {
  if (!('spool' in options || 'source' in options)) return false
  return options.spool !== undefined || options.source?.durable !== undefined
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
