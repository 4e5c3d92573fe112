import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort, startMosquitto, startRabbit, startRedis } from '@commlib/testing'
import type { BrokerTransport } from './rows.ts'

export interface Broker {
  readonly url: string

  /** Name, version, and how it is configured. */
  readonly about: string

  /** Milliseconds of processor time it has taken so far; NaN where the system does not tell. */
  cpu(): number
  stop(): Promise<void>
}

export type Configuration = 'untouched' | 'tuned'

/** Starts the transport's broker on a free port, with the configuration that is in git. */
export async function startBroker(transport: BrokerTransport, configuration: Configuration): Promise<Broker> {
  if (transport === 'nats') return startNats()
  const { name, start } = LAUNCHERS[transport]
  const config = read(`${name}.${configuration}.conf`).split('\n')
  const broker = await start({ own: true, from: 'binary', config })
  const group = broker.processGroup()
  const pids = group === undefined ? [] : membersOf(group)
  const [, version = 'of an unknown version'] =
    /(?:mosquitto version |Redis version=|Valkey version=|Starting RabbitMQ )([\w.-]+)/.exec(broker.log()) ?? []
  return {
    url: broker.url,
    about: `${name} ${version} (${configuration})`,
    cpu: () => pids.reduce((all, pid) => all + processorTimeOf(pid), pids.length === 0 ? Number.NaN : 0),
    // There is nothing in it to keep, and RabbitMQ can take minutes to forget it.
    stop: async () => {
      await broker.kill()
      await broker.close()
    },
  }
}

const LAUNCHERS = {
  mqtt: { name: 'mosquitto', start: startMosquitto },
  redis: { name: 'redis', start: startRedis },
  amqp: { name: 'rabbitmq', start: startRabbit },
} as const

async function startNats(): Promise<Broker> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'commlib-nats-'))
  const file = join(folder, 'nats.conf')
  writeFileSync(file, read('nats.conf').replace('4222', String(port)))
  const child = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`cannot start nats-server, which the NATS rows need (apt install nats-server): ${error}`)
  })
  failed.catch(() => {})
  await Promise.race([failed, listening(port)])
  return {
    url: `nats://127.0.0.1:${port}`,
    about: `nats-server ${/Version:\s+(\S+)/.exec(log)?.[1] ?? 'of an unknown version'} (untouched)`,
    cpu: () => processorTimeOf(child.pid ?? 0),
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

function read(name: string): string {
  return readFileSync(new URL(`../brokers/${name}`, import.meta.url), 'utf8')
}

/** The processes of a group, on Linux. */
function membersOf(group: number): number[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
      .filter(pid => groupOf(pid) === group)
  } catch {
    return []
  }
}

function groupOf(pid: number): number | undefined {
  try {
    // After the command in parentheses: state, parent, group.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2])
  } catch {
    return undefined
  }
}

function processorTimeOf(pid: number): number {
  try {
    // For each thread: nanoseconds on a processor, nanoseconds waiting for one, slices.
    return readdirSync(`/proc/${pid}/task`)
      .map(thread => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
      .reduce((all, time) => all + time, 0)
  } catch {
    return Number.NaN
  }
}

async function listening(port: number): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await wait(20)) {
    const socket = connect(port, '127.0.0.1')
    const reached = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (reached) return
  }
  throw new Error('nats-server does not listen after 10 s')
}
