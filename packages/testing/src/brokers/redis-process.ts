import type { BrokerPlace } from './broker.ts'
import { type Launched, launch } from './launch.ts'

/** A Redis server that works with others, and so has to be a process of this machine. */
export interface RedisProcess extends Omit<Launched, 'run'> {
  /** Runs `redis-cli` on it, and resolves with what it has printed; rejects where that is an error. */
  cli(...args: readonly string[]): Promise<string>
}

export interface RedisProcessOptions {
  /** What the server is told to be, after the name of its configuration. */
  readonly args?: readonly string[] | undefined

  /** Lines of its configuration. */
  config(place: BrokerPlace): readonly string[]
}

/** Starts a Redis server as a process. */
export async function startRedisProcess({ args = [], config }: RedisProcessOptions): Promise<RedisProcess> {
  const launched = await launch(
    {
      kind: 'redis',
      scheme: 'redis',
      urlVariable: 'COMMLIB_REDIS_URL',
      imageVariable: 'COMMLIB_REDIS_IMAGE',
      image: 'redis:7',
      binaries: ['redis-server', 'valkey-server'],
      install: 'apt install redis-server, brew install redis, or https://redis.io/download',
      ports: ['redis', 'bus'],
      startTimeout: 20_000,
      greeting: new TextEncoder().encode('PING\r\n'),
      files: place => ({
        'redis.conf': [
          `port ${place.ports['redis']}`,
          `bind ${place.address}`,
          'protected-mode no',
          `dir ${place.folder}`,
          ...config(place),
          '',
        ].join('\n'),
      }),
      command: (binary, { folder }) => [binary, `${folder}/redis.conf`, ...args],
    },
    { own: true, from: 'binary' },
  )
  const { broker, run } = launched
  return {
    ...launched,
    cli: async (...words) =>
      (await run(['redis-cli', '-e', '-h', broker.host, '-p', `${broker.port}`, ...words])).trim(),
  }
}
