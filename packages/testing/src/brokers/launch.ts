import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, BrokerRecipe, BrokerSource, Engine, LaunchOptions } from './broker.ts'
import { createDockerEngine, mayHaveDocker } from './docker-engine.ts'
import { createLocalEngine, findBinary } from './local-engine.ts'
import { answers, freePort } from './ports.ts'

/** Milliseconds a broker may take to end. */
const STOP_TIMEOUT = 20_000

/** A broker, and what its launcher may still do with it. */
export interface Launched {
  readonly broker: Broker
  readonly ports: Readonly<Record<string, number>>

  /** Puts files into the broker's folder, for the next start or reload. */
  write(files: Readonly<Record<string, string>>): Promise<void>

  /** Runs a program beside the broker, with its environment; resolves with what it has printed. */
  run(command: readonly string[]): Promise<string>
}

/** Finds a broker: by URL, in a Docker engine, or as a binary, in this order. */
export async function launch(recipe: BrokerRecipe, options: LaunchOptions): Promise<Launched> {
  const only = options.from ?? forced()
  const tried: string[] = []
  const url = process.env[recipe.urlVariable]
  if (only === undefined || only === 'url') {
    if (url && !options.own) return connectBroker(recipe, url)
    tried.push(url ? `${recipe.urlVariable}: this test needs a broker of its own` : `${recipe.urlVariable} is not set`)
  }
  if (only === undefined || only === 'docker') {
    if (only === undefined && !mayHaveDocker()) tried.push('no Docker engine')
    else {
      try {
        return await startBroker(recipe, ports => createDockerEngine(recipe, ports))
      } catch (error) {
        if (only !== undefined) throw error
        tried.push(`Docker: ${error instanceof Error ? error.message : error}`)
      }
    }
  }
  if (only === undefined || only === 'binary') {
    const binary = await findBinary(recipe.binaries)
    if (binary !== undefined) return startBroker(recipe, ports => createLocalEngine(recipe, binary, ports))
    tried.push(`no ${recipe.binaries.join(' or ')} on the PATH`)
  }
  throw new Error(
    `no ${recipe.kind} to test with (${tried.join('; ')}): set ${recipe.urlVariable}, start a Docker engine, or install one: ${recipe.install}`,
  )
}

function forced(): BrokerSource | undefined {
  const value = process.env['COMMLIB_BROKER']
  if (value === undefined || value === '') return undefined
  if (value === 'url' || value === 'docker' || value === 'binary') return value
  throw new Error(`COMMLIB_BROKER is '${value}': give url, docker or binary`)
}

async function connectBroker(recipe: BrokerRecipe, url: string): Promise<Launched> {
  const { hostname, port } = new URL(url)
  const defaults: Readonly<Record<string, number>> = { mqtt: 1883, redis: 6379, amqp: 5672 }
  const cannot = async () => {
    throw new Error(`${recipe.kind} was given by ${recipe.urlVariable}: it cannot be stopped or changed`)
  }
  const close = async () => {}
  const broker: Broker = {
    kind: recipe.kind,
    from: 'url',
    url,
    host: hostname,
    port: Number(port) || (defaults[recipe.scheme] as number),
    can: { restart: false },
    stop: cannot,
    kill: cannot,
    start: cannot,
    pause: cannot,
    resume: cannot,
    reload: cannot,
    log: () => '',
    processGroup: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
  const ports = Object.fromEntries(recipe.ports.slice(0, 1).map(name => [name, broker.port]))
  return { broker, ports, write: cannot, run: cannot }
}

async function startBroker(
  recipe: BrokerRecipe,
  createEngine: (ports: Readonly<Record<string, number>>) => Promise<Engine>,
): Promise<Launched> {
  const ports: Record<string, number> = {}
  for (const name of recipe.ports) ports[name] = await freePort()
  const engine = await createEngine(ports)
  const { host } = engine
  const port = ports[recipe.ports[0] ?? ''] as number

  const failed = (what: string) =>
    new Error(`${recipe.kind} on ${host}:${port} ${what}; the end of its log:\n${engine.log().slice(-2000)}`)

  const start = async () => {
    await engine.start()
    const end = performance.now() + recipe.startTimeout
    while (!(await answers(host, port, recipe.greeting))) {
      if (!engine.running()) throw failed('ended while starting')
      if (performance.now() > end) throw failed(`did not answer within ${recipe.startTimeout} ms`)
      await sleep(10)
    }
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (!engine.running()) return
    // A frozen process would get SIGTERM only when it runs again.
    await engine.signal('SIGCONT')
    await engine.signal(signal)
    const deadline = performance.now() + STOP_TIMEOUT
    while (engine.running()) {
      if (performance.now() > deadline) throw failed(`did not end within ${STOP_TIMEOUT} ms of ${signal}`)
      await sleep(5)
    }
  }

  let closed: Promise<void> | undefined
  const close = () => (closed ??= engine.remove())

  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }

  const broker: Broker = {
    kind: recipe.kind,
    from: engine.from,
    url: `${recipe.scheme}://${host}:${port}`,
    host,
    port,
    can: { restart: true },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    start,
    pause: () => engine.signal('SIGSTOP'),
    resume: () => engine.signal('SIGCONT'),
    reload: () => engine.signal('SIGHUP'),
    log: engine.log,
    processGroup: engine.processGroup,
    close,
    [Symbol.asyncDispose]: close,
  }
  return { broker, ports, write: engine.write, run: engine.run }
}
