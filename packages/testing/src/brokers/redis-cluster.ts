import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from './broker.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'

/** Options of {@link startRedisCluster}. */
export interface RedisClusterOptions {
  /** How many primaries there are, between which the slots are shared out. @default 3 */
  readonly primaries?: number | undefined

  /** How many replicas each of them has. @default 1 */
  readonly replicas?: number | undefined

  /** Lines of redis.conf for all of them. */
  readonly config?: readonly string[] | undefined
}

/** A node of a Redis Cluster. */
export interface RedisNode extends Broker {
  /** What the others know it by. */
  readonly id: string

  /** Runs `redis-cli` on it, and resolves with what it has printed; rejects where that is an error. */
  cli(...args: readonly string[]): Promise<string>
}

/** A Redis Cluster of processes. */
export interface RedisCluster extends AsyncDisposable {
  /** Those that began as primaries first, in the order of their slots. */
  readonly nodes: readonly RedisNode[]
  readonly urls: readonly string[]

  /** Who has the slot of this key now, as a node that lives says. */
  primaryOf(key: string): Promise<RedisNode>

  /** Moves the slot of this key to another primary, with its keys. Runs `meanwhile` when half of that is done. */
  move(key: string, to: RedisNode, meanwhile?: () => Promise<void>): Promise<void>

  /** Ends it and removes its data. */
  close(): Promise<void>
}

const SLOTS = 16_384

/** Milliseconds until the nodes have found each other. */
const READY = 20_000

/** Milliseconds after which a handshake is over, one way or the other. */
const HANDSHAKE = 3000

/** Starts a Redis Cluster, of Redis 7 or newer, in which a primary that is silent for a second is replaced. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, replicas = 1, config = [] } = options
  const processes: RedisProcess[] = []
  const close = async () => {
    await Promise.all(processes.map(({ broker }) => broker.close()))
  }
  try {
    const starting = Array.from({ length: primaries * (1 + replicas) }, async () => {
      const started = await startRedisProcess({
        config: ({ ports }) => [
          'save ""',
          'appendonly no',
          'cluster-enabled yes',
          `cluster-port ${ports['bus']}`,
          'cluster-node-timeout 1000',
          'cluster-replica-validity-factor 0',
          'cluster-allow-replica-migration no',
          'repl-diskless-sync-delay 0',
          ...config,
        ],
      })
      processes.push(started)
      return started
    })
    // All of them, so that none starts after the others were closed.
    const settled = await Promise.allSettled(starting)
    const failed = settled.find(each => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const nodes = await join(processes, primaries)
    return {
      nodes,
      urls: nodes.map(({ url }) => url),
      primaryOf: key => primaryOf(nodes, key),
      move: (key, to, meanwhile) => move(nodes, key, to, meanwhile),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function join(processes: readonly RedisProcess[], primaries: number): Promise<RedisNode[]> {
  const nodes = await Promise.all(
    processes.map(
      async ({ broker, cli }): Promise<RedisNode> => ({ ...broker, cli, id: await cli('cluster', 'myid') }),
    ),
  )
  const share = (i: number) => Math.floor((i * SLOTS) / primaries)
  const [first] = processes as [RedisProcess]
  const meet = async () => {
    for (const node of nodes.slice(1))
      await node.cli('cluster', 'meet', first.broker.host, `${first.broker.port}`, `${first.ports['bus']}`)
  }
  for (const [i, node] of nodes.slice(0, primaries).entries())
    await node.cli('cluster', 'addslotsrange', `${share(i)}`, `${share(i + 1) - 1}`)
  await meet()
  let met = performance.now()
  await until('the nodes know each other', nodes, async node => {
    if ((await node.cli('cluster', 'info')).includes(`cluster_known_nodes:${nodes.length}`)) return true
    // A handshake that takes longer than the nodes' timeout is given up, and nobody repeats it.
    if (performance.now() - met > HANDSHAKE) {
      await meet()
      met = performance.now()
    }
    return false
  })
  for (const [i, node] of nodes.slice(primaries).entries())
    await node.cli('cluster', 'replicate', (nodes[i % primaries] as RedisNode).id)
  await until('the cluster is complete', nodes, async node => {
    const replicated = (await node.cli('info', 'replication')).replaceAll('\r', '')
    const linked = nodes.indexOf(node) < primaries || replicated.includes('master_link_status:up')
    return linked && (await node.cli('cluster', 'info')).includes('cluster_state:ok')
  })
  return nodes
}

async function until(
  what: string,
  nodes: readonly RedisNode[],
  holds: (node: RedisNode) => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + READY
  for (const node of nodes) {
    while (!(await holds(node))) {
      if (performance.now() > end) throw new Error(`redis on ${node.url}: not within ${READY} ms: ${what}`)
      await sleep(50)
    }
  }
}

async function slotOf(node: RedisNode, key: string): Promise<string> {
  return node.cli('cluster', 'keyslot', key)
}

async function primaryOf(nodes: readonly RedisNode[], key: string): Promise<RedisNode> {
  const living = nodes.find(node => node.processGroup() !== undefined)
  if (living === undefined) throw new Error('no node of the cluster runs')
  const slot = Number(await slotOf(living, key))
  for (const line of (await living.cli('cluster', 'nodes')).split('\n')) {
    const [id, , flags = '', , , , , , ...ranges] = line.split(' ')
    if (!flags.includes('master') || flags.includes('fail')) continue
    const has = ranges.some(range => {
      const [from, to = from] = range.split('-')
      return Number(from) <= slot && slot <= Number(to)
    })
    const node = has ? nodes.find(each => each.id === id) : undefined
    if (node !== undefined) return node
  }
  throw new Error(`no primary has the slot of ${key}`)
}

async function move(
  nodes: readonly RedisNode[],
  key: string,
  to: RedisNode,
  meanwhile = async () => {},
): Promise<void> {
  const from = await primaryOf(nodes, key)
  const slot = await slotOf(from, key)
  await to.cli('cluster', 'setslot', slot, 'importing', from.id)
  await from.cli('cluster', 'setslot', slot, 'migrating', to.id)
  await meanwhile()
  for (;;) {
    const keys = (await from.cli('cluster', 'getkeysinslot', slot, '100')).split('\n').filter(Boolean)
    if (keys.length === 0) break
    await from.cli('migrate', to.host, `${to.port}`, '', '0', '5000', 'keys', ...keys)
  }
  for (const node of [to, from, ...nodes.filter(each => each !== to && each !== from)])
    if (node.processGroup() !== undefined) await node.cli('cluster', 'setslot', slot, 'node', to.id).catch(() => {})
}
