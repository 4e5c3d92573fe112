import type { Broker, BrokerPlace, BrokerTls, LaunchOptions } from './broker.ts'
import { launch } from './launch.ts'

/** Options of {@link startRedis}. */
export interface RedisOptions extends LaunchOptions {
  /** Lines of redis.conf, such as `enable-debug-command local`. */
  readonly config?: readonly string[] | undefined

  /** Keeps every acknowledged write through a restart, SIGKILL included. @default false */
  readonly persistence?: boolean | undefined

  /** The rights of users by name, such as `on >sesame ~* &* +@all`. The one named `default` is who gives no name. */
  readonly users?: Readonly<Record<string, string>> | undefined

  /** Listens for TLS as well, see {@link RedisServer.tlsUrl}. */
  readonly tls?: BrokerTls | undefined

  /** Listens on a Unix socket as well, see {@link RedisServer.socketUrl}. Only as a process. @default false */
  readonly socket?: boolean | undefined

  /**
   * The program to run, such as that of another version.
   *
   * @default process.env.COMMLIB_REDIS_BINARY, else `redis-server` or `valkey-server` on the PATH
   */
  readonly binary?: string | undefined
}

/** A Redis or Valkey server that a test may disturb. */
export interface RedisServer extends Broker {
  /** `rediss://…` of the TLS listener, if there is one. */
  readonly tlsUrl: string | undefined

  /** `unix:…` of the Unix socket, if there is one. */
  readonly socketUrl: string | undefined
}

const SOCKET = 'redis.sock'

/** Finds or starts a Redis server. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { config, persistence, users, tls, socket, binary = process.env['COMMLIB_REDIS_BINARY'] } = options
  const own = options.own || !!(config || persistence || users || tls)
  let folder = ''
  const { broker, ports } = await launch(
    {
      kind: 'redis',
      scheme: 'redis',
      urlVariable: 'COMMLIB_REDIS_URL',
      imageVariable: 'COMMLIB_REDIS_IMAGE',
      image: 'redis:7',
      binaries: !binary ? ['redis-server', 'valkey-server'] : [binary],
      install: 'apt install redis-server, brew install redis, or https://redis.io/download',
      ports: ['redis', ...(tls ? ['rediss'] : [])],
      startTimeout: 20_000,
      greeting: new TextEncoder().encode('PING\r\n'),
      files: place => {
        folder = place.folder
        return {
          'redis.conf': [...configOf(place, options), ''].join('\n'),
          ...(tls && { 'cert.pem': tls.cert, 'key.pem': tls.key, ...(tls.ca !== undefined && { 'ca.pem': tls.ca }) }),
        }
      },
      command: (program, place) => [program, `${place.folder}/redis.conf`],
    },
    { ...options, own, ...((socket || binary) && { from: 'binary' }) },
  )
  return {
    ...broker,
    tlsUrl: ports['rediss'] === undefined ? undefined : `rediss://${broker.host}:${ports['rediss']}`,
    socketUrl: socket ? `unix:${folder}/${SOCKET}` : undefined,
  }
}

function configOf(
  { address, folder, ports }: BrokerPlace,
  { config = [], persistence, users = {}, tls, socket }: RedisOptions,
): string[] {
  return [
    `port ${ports['redis']}`,
    `bind ${address}`,
    'protected-mode no',
    `dir ${folder}`,
    'save ""',
    ...(persistence ? ['appendonly yes', 'appendfsync always'] : ['appendonly no']),
    ...Object.entries(users).map(([name, rights]) => `user ${name} ${rights}`),
    ...(socket ? [`unixsocket ${folder}/${SOCKET}`] : []),
    ...(tls
      ? [
          `tls-port ${ports['rediss']}`,
          `tls-cert-file ${folder}/cert.pem`,
          `tls-key-file ${folder}/key.pem`,
          ...(tls.ca === undefined
            ? ['tls-auth-clients no']
            : [`tls-ca-cert-file ${folder}/ca.pem`, 'tls-auth-clients yes']),
        ]
      : []),
    ...config,
  ]
}
