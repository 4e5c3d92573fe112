import type { Broker, LaunchOptions } from './broker.ts'
import { launch } from './launch.ts'

/** Options of {@link startRedis}. */
export interface RedisOptions extends LaunchOptions {
  /** Lines of redis.conf, such as `enable-debug-command local`. */
  readonly config?: readonly string[] | undefined

  /** Keeps every acknowledged write through a restart, SIGKILL included. @default false */
  readonly persistence?: boolean | undefined
}

/** Finds or starts a Redis server. */
export async function startRedis(options: RedisOptions = {}): Promise<Broker> {
  const { config = [], persistence = false } = options
  const own = options.own || options.config !== undefined || persistence
  const { broker } = await launch(
    {
      kind: 'redis',
      scheme: 'redis',
      urlVariable: 'COMMLIB_REDIS_URL',
      imageVariable: 'COMMLIB_REDIS_IMAGE',
      image: 'redis:7',
      binaries: ['redis-server', 'valkey-server'],
      install: 'apt install redis-server, brew install redis, or https://redis.io/download',
      ports: ['redis'],
      startTimeout: 20_000,
      greeting: new TextEncoder().encode('PING\r\n'),
      files: ({ address, folder, ports }) => ({
        'redis.conf': [
          `port ${ports['redis']}`,
          `bind ${address}`,
          'protected-mode no',
          `dir ${folder}`,
          'save ""',
          ...(persistence ? ['appendonly yes', 'appendfsync always'] : ['appendonly no']),
          ...config,
          '',
        ].join('\n'),
      }),
      command: (binary, { folder }) => [binary, `${folder}/redis.conf`],
    },
    { ...options, own },
  )
  return broker
}
