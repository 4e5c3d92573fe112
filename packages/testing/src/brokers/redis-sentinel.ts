import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from './broker.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'

/** Options of {@link startRedisSentinel}. */
export interface RedisSentinelOptions {
  /** How many replicas the primary has. @default 2 */
  readonly replicas?: number | undefined

  /** How many sentinels there are; more than half of them have to agree. @default 3 */
  readonly sentinels?: number | undefined

  /** Lines of redis.conf for the primary and its replicas. */
  readonly config?: readonly string[] | undefined

  /** Lines of the sentinels' configuration. */
  readonly sentinelConfig?: readonly string[] | undefined
}

/** Redis servers of which one is the primary, and sentinels that choose another when it dies. */
export interface RedisSentinel extends AsyncDisposable {
  /** What the sentinels call the primary. */
  readonly name: string

  /** The one that began as the primary first. */
  readonly servers: readonly Broker[]
  readonly sentinels: readonly Broker[]

  /** The sentinels' URLs. */
  readonly urls: readonly string[]

  /** The primary, as a sentinel that lives says. */
  primary(): Promise<Broker>

  /** Ends all of them and removes their data. */
  close(): Promise<void>
}

const NAME = 'mymaster'

/** Milliseconds until they have found each other. */
const READY = 20_000

/** Starts a primary with replicas, and sentinels that replace it when it is silent for a second. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 2, sentinels = 3, config = [], sentinelConfig = [] } = options
  const processes: RedisProcess[] = []
  const close = async () => {
    await Promise.all(processes.map(({ broker }) => broker.close()))
  }
  const add = async (lines: readonly string[], args: readonly string[] = []) => {
    const started = await startRedisProcess({ args, config: () => lines })
    processes.push(started)
    return started
  }
  try {
    const common = ['save ""', 'appendonly no', 'repl-diskless-sync-delay 0', ...config]
    const primary = await add(common)
    const { host, port } = primary.broker
    const servers = [primary]
    for (let i = 0; i < replicas; i++) servers.push(await add([...common, `replicaof ${host} ${port}`]))
    const watching = [
      `sentinel monitor ${NAME} ${host} ${port} ${Math.floor(sentinels / 2) + 1}`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 3000`,
      ...sentinelConfig,
    ]
    const watchers: RedisProcess[] = []
    for (let i = 0; i < sentinels; i++) watchers.push(await add(watching, ['--sentinel']))
    for (const { cli } of watchers) {
      await until(async () => {
        const fields = (await cli('sentinel', 'master', NAME)).split('\n')
        const value = (field: string) => Number(fields[fields.indexOf(field) + 1])
        return value('num-slaves') === replicas && value('num-other-sentinels') === sentinels - 1
      })
    }
    for (const { cli } of servers.slice(1))
      await until(async () => (await cli('info', 'replication')).includes('master_link_status:up'))
    return {
      name: NAME,
      servers: servers.map(({ broker }) => broker),
      sentinels: watchers.map(({ broker }) => broker),
      urls: watchers.map(({ broker }) => broker.url),
      primary: () => primaryOf(servers, watchers),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`the sentinels did not find each other within ${READY} ms`)
    await sleep(50)
  }
}

async function primaryOf(servers: readonly RedisProcess[], watchers: readonly RedisProcess[]): Promise<Broker> {
  const living = watchers.find(({ broker }) => broker.processGroup() !== undefined)
  if (living === undefined) throw new Error('no sentinel runs')
  const [, port] = (await living.cli('sentinel', 'get-master-addr-by-name', NAME)).split('\n')
  const found = servers.find(({ broker }) => broker.port === Number(port))
  if (found === undefined) throw new Error(`the primary is at port ${port}, which is none of these`)
  return found.broker
}
