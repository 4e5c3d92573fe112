import type { Broker, LaunchOptions } from './broker.ts'
import { launch } from './launch.ts'

/** Options of {@link startRabbit}. */
export interface RabbitOptions extends LaunchOptions {
  /** Lines of rabbitmq.conf, such as `consumer_timeout = 10000`. */
  readonly config?: readonly string[] | undefined
}

/** Finds or starts a RabbitMQ server. As a binary it is ready in about 15 seconds. */
export async function startRabbit(options: RabbitOptions = {}): Promise<Broker> {
  const own = options.own || options.config !== undefined
  const { broker } = await launch(
    {
      kind: 'rabbitmq',
      scheme: 'amqp',
      urlVariable: 'COMMLIB_AMQP_URL',
      imageVariable: 'COMMLIB_AMQP_IMAGE',
      image: 'rabbitmq:3',
      // Debian's rabbitmq-server on the PATH is a wrapper for its system service.
      binaries: ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'],
      install: 'apt install rabbitmq-server, brew install rabbitmq, or https://www.rabbitmq.com/docs/download',
      ports: ['amqp', 'distribution', 'epmd'],
      startTimeout: 90_000,
      greeting: Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1),
      files: ({ address, ports }) => ({
        'rabbitmq.conf': [
          'loopback_users = none',
          `listeners.tcp.default = ${address}:${ports['amqp']}`,
          ...(options.config ?? []),
          '',
        ].join('\n'),
        enabled_plugins: '[].\n',
      }),
      command: (binary, place) =>
        place.in === 'container'
          ? ['rabbitmq-server']
          : // Erlang's port mapper would outlive the broker as a daemon; so it runs in the broker's group.
            ['/bin/sh', '-c', 'epmd -address 127.0.0.1 & exec "$0"', binary],
      environment: ({ in: within, folder, ports }) =>
        within === 'container'
          ? { RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf` }
          : {
              HOME: folder,
              ERL_EPMD_PORT: String(ports['epmd']),
              RABBITMQ_NODENAME: `commlib-${ports['amqp']}@localhost`,
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
    },
    { ...options, own },
  )
  return broker
}
