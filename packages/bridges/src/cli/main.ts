#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { CommlibError, toError } from '@commlib/core/internal'
import { type Configuration, ConfigurationError } from './configuration.ts'
import { serveHealth } from './health.ts'
import { readConfiguration } from './read-configuration.ts'
import { Supervisor } from './supervisor.ts'

const HELP = `commlib-bridge: carries topics, events, calls and actions between brokers

  commlib-bridge --config bridge.yaml

  --config <file>  what to carry (bridge.schema.json says what may stand in it)
  --check          reads and checks the file, and connects to nobody
  --help           this

SIGHUP reads the file again: what has not changed goes on undisturbed, and a file with mistakes changes nothing.
SIGTERM and SIGINT let what is on its way arrive, and end.
`

const log = {
  debug: () => {},
  info: (text: string) => console.log(`${new Date().toISOString()} ${text}`),
  warn: (text: string) => console.warn(`${new Date().toISOString()} ${text}`),
  error: (text: string) => console.error(`${new Date().toISOString()} ${text}`),
}

/** What was asked for cannot be done: exit code 2. */
class UsageError extends Error {}

function readArguments(): { readonly file: string; readonly check: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', short: 'c' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) return undefined
    if (values.config === undefined) throw new UsageError('--config must name a file')
    return { file: values.config, check: values.check ?? false }
  } catch (error) {
    throw new UsageError(`${toError(error).message}\n\n${HELP}`)
  }
}

async function main(): Promise<void> {
  const given = readArguments()
  if (given === undefined) {
    process.stdout.write(HELP)
    return
  }
  const { file, check } = given
  const configuration = readConfiguration(file)
  if (check) {
    const { loadAll } = await import('./supervisor.ts')
    await loadAll(configuration)
    console.log(`${file}: ${configuration.bridges.length} bridges between ${configuration.brokers.size} brokers`)
    return
  }
  await run(file, configuration)
}

async function run(file: string, first: Configuration): Promise<void> {
  const supervisor = new Supervisor(log)
  let health: Awaited<ReturnType<typeof serveHealth>> | undefined
  let address = ''

  const apply = async (configuration: Configuration) => {
    await supervisor.apply(configuration)
    const wanted = JSON.stringify(configuration.health ?? '')
    if (wanted === address) return
    await health?.close()
    health = undefined
    address = wanted
    if (configuration.health === undefined) return
    health = await serveHealth(configuration.health, () => supervisor.report)
    log.info(`health: http://${configuration.health.host}:${health.port}/health`)
  }

  // One after the other, and the end after all.
  let turn = apply(first)
  const reload = () => {
    turn = turn.then(async () => {
      try {
        await apply(readConfiguration(file))
        log.info(`${file}: read again`)
      } catch (error) {
        log.error(`${file}: not read again, all goes on as it was:\n${toError(error).message}`)
      }
    })
  }
  process.on('SIGHUP', reload)
  const ended = new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  try {
    await turn
    await ended
    log.info('ending')
    await turn
  } finally {
    await supervisor.close()
    await health?.close()
    process.off('SIGHUP', reload)
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof ConfigurationError || error instanceof UsageError || error instanceof CommlibError
  console.error(expected ? error.message : error)
  process.exitCode = expected ? 2 : 1
})
