import { randomBytes } from 'node:crypto'
import type { Broker, BrokerPlace, BrokerRecipe, BrokerTls, LaunchOptions } from './broker.ts'
import { launch } from './launch.ts'
import { findBinary } from './local-engine.ts'

/** Options of {@link startRabbit}. */
export interface RabbitOptions extends LaunchOptions {
  /** Lines of rabbitmq.conf, such as `consumer_timeout = 10000`. */
  readonly config?: readonly string[] | undefined

  /** Plugins to enable, such as `rabbitmq_auth_mechanism_ssl`. */
  readonly plugins?: readonly string[] | undefined

  /** Listens for TLS as well, see {@link Rabbit.tlsUrl}. */
  readonly tls?: BrokerTls | undefined

  /** Makes it one more node of this one's cluster. Only where both are processes. */
  readonly join?: Rabbit | undefined
}

/** A RabbitMQ server, or a node of a cluster. */
export interface Rabbit extends Broker {
  /** Its URL for TLS, where it was asked for. */
  readonly tlsUrl: string | undefined

  /** Runs `rabbitmqctl`, which takes a second or two, and resolves with what it has printed. */
  ctl(...args: readonly string[]): Promise<string>

  /** What another node needs to join it. */
  readonly cluster: { readonly node: string; readonly cookie: string; readonly epmd: number }
}

/** Debian's own are wrappers for its system service. */
const FOLDER = '/usr/lib/rabbitmq/bin'

/** Finds or starts a RabbitMQ server. As a binary it is ready in about 15 seconds. */
export async function startRabbit(options: RabbitOptions = {}): Promise<Rabbit> {
  const { config, plugins, tls, join } = options
  const own = options.own || !!(config || plugins || tls || join)
  const cookie = join?.cluster.cookie ?? randomBytes(12).toString('hex')
  const ctl = (await findBinary([`${FOLDER}/rabbitmqctl`])) ?? 'rabbitmqctl'
  const launched = await launch(recipeOf(options, cookie), { ...options, own, ...(join && { from: 'binary' }) })
  const { broker, ports, run } = launched
  const rabbit: Rabbit = {
    ...broker,
    tlsUrl: ports['amqps'] === undefined ? undefined : `amqps://${broker.host}:${ports['amqps']}`,
    ctl: (...args) => run([ctl, ...args]),
    cluster: { node: nodeName(ports), cookie, epmd: epmdPort(ports, join) },
  }
  if (join !== undefined) {
    for (const args of [['stop_app'], ['join_cluster', join.cluster.node], ['start_app']]) await rabbit.ctl(...args)
  }
  return rabbit
}

function nodeName(ports: BrokerPlace['ports']): string {
  return `commlib-${ports['amqp']}@localhost`
}

/** Nodes of a cluster find each other through one port mapper. */
function epmdPort(ports: BrokerPlace['ports'], join: Rabbit | undefined): number {
  return join?.cluster.epmd ?? ports['epmd'] ?? 4369
}

function recipeOf({ config = [], plugins = [], tls, join }: RabbitOptions, cookie: string): BrokerRecipe {
  return {
    kind: 'rabbitmq',
    scheme: 'amqp',
    urlVariable: 'COMMLIB_AMQP_URL',
    imageVariable: 'COMMLIB_AMQP_IMAGE',
    image: 'rabbitmq:3',
    binaries: [`${FOLDER}/rabbitmq-server`, 'rabbitmq-server'],
    install: 'apt install rabbitmq-server, brew install rabbitmq, or https://www.rabbitmq.com/docs/download',
    ports: ['amqp', 'distribution', 'epmd', ...(tls ? ['amqps'] : [])],
    startTimeout: 90_000,
    greeting: Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1),
    files: ({ address, folder, ports }) => ({
      'rabbitmq.conf': [
        'loopback_users = none',
        `listeners.tcp.default = ${address}:${ports['amqp']}`,
        ...(tls ? tlsConfig(tls, `${address}:${ports['amqps']}`, folder) : []),
        ...config,
        '',
      ].join('\n'),
      enabled_plugins: `[${plugins.join(', ')}].\n`,
      '.erlang.cookie': cookie,
      ...(tls && { 'cert.pem': tls.cert, 'key.pem': tls.key, ...(tls.ca !== undefined && { 'ca.pem': tls.ca }) }),
    }),
    command: (binary, place) =>
      place.in === 'container'
        ? ['rabbitmq-server']
        : // Erlang's port mapper would outlive the broker as a daemon; so it runs in the broker's group.
          ['/bin/sh', '-c', 'epmd -address 127.0.0.1 & exec "$0"', binary],
    environment: ({ in: within, folder, ports }) =>
      within === 'container'
        ? {
            RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
            RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
          }
        : {
            HOME: folder,
            ERL_EPMD_PORT: String(epmdPort(ports, join)),
            RABBITMQ_NODENAME: nodeName(ports),
            RABBITMQ_DIST_PORT: String(ports['distribution']),
            RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
            RABBITMQ_CONF_ENV_FILE: `${folder}/rabbitmq-env.conf`,
            RABBITMQ_MNESIA_BASE: `${folder}/mnesia`,
            RABBITMQ_LOG_BASE: `${folder}/log`,
            RABBITMQ_LOGS: '-',
            RABBITMQ_FEATURE_FLAGS_FILE: `${folder}/feature_flags`,
            RABBITMQ_PID_FILE: `${folder}/pid`,
            RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
            RABBITMQ_GENERATED_CONFIG_DIR: `${folder}/config`,
            RABBITMQ_SCHEMA_DIR: `${folder}/schema`,
          },
  }
}

function tlsConfig(tls: BrokerTls, listener: string, folder: string): string[] {
  return [
    `listeners.ssl.default = ${listener}`,
    `ssl_options.certfile = ${folder}/cert.pem`,
    `ssl_options.keyfile = ${folder}/key.pem`,
    ...(tls.ca === undefined
      ? ['ssl_options.verify = verify_none']
      : [
          `ssl_options.cacertfile = ${folder}/ca.pem`,
          'ssl_options.verify = verify_peer',
          'ssl_options.fail_if_no_peer_cert = true',
        ]),
  ]
}
