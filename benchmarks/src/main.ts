import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { type Broker, startBroker } from './brokers.ts'
import { tell, verdicts } from './compare.ts'
import type { Entry } from './csv.ts'
import { drawFlames } from './flame.ts'
import { measureFootprint } from './footprint.ts'
import { groups } from './groups.ts'
import { measureGrowth } from './growth.ts'
import { install } from './install.ts'
import { measureRun, type Plan, type Result } from './measure.ts'
import { measureMemory } from './memory-run.ts'
import { HELP, readOptions } from './options.ts'
import { peers } from './peers/index.ts'
import { writeExtra, writeResults } from './results.ts'
import type { Row } from './rows.ts'

const root = new URL('../../', import.meta.url)
const NPX = ['npx', '-y', 'pnpm@12'] as const
const EXTRA = { growth: measureGrowth, footprint: measureFootprint } as const

const { help, quick, rows, extras, sources, build, configuration, ...plan } = readOptions(process.argv.slice(2))
if (help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const built = prepare()
  const playing = installed()
  const entries: Entry[] = []
  for (const [transport, own] of groups(rows, row => row.transport)) {
    const load = loadavg()[0] ?? 0
    if (transport === 'memory') {
      const measured = await measureMemory(own, { ...plan, built })
      entries.push(...placed(measured, 'no broker', { built, load }))
      for (const row of own) say(row, measured)
      continue
    }
    const broker = await startBroker(transport, configuration)
    try {
      for (const row of own)
        entries.push(
          ...placed(await measureRow(row, broker, { ...plan, peers: playing, built }), broker.about, { built, load }),
        )
    } finally {
      await broker.stop()
    }
  }
  if (entries.length > 0) console.log(`\n${writeResults(entries, { quick })}\n\nMore is in benchmarks/results/.`)
  for (const extra of extras) {
    const measured = await EXTRA[extra]({ ...plan, built, peers: playing })
    writeExtra(extra, measured)
    console.log(`\n${measured}`)
  }
  if (plan.profiles !== undefined) console.log(`${drawFlames(plan.profiles)} profiles are in ${plan.profiles}.`)
  const faults = [...faultsOf(entries), ...(quick ? misses(entries) : [])]
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exitCode = 1
}

async function measureRow(row: Row, broker: Broker, options: Plan): Promise<Result[]> {
  const results: Result[] = []
  for (let run = 0; run < options.runs; run++) results.push(...(await measureRun(row, run, broker, options)))
  say(row, results)
  return results
}

function say(row: Row, results: readonly Result[]): void {
  const own = results.filter(result => result.row === row)
  const told = verdicts(row, own).map(verdict => tell(verdict, peer => peer))
  console.log([`${row.id}:`, ...told].join(' '))
}

/** What went wrong with our own code and the raw clients; the other peers are bounded and reported. */
function faultsOf(entries: readonly Entry[]): string[] {
  return entries
    .filter(({ peer, failed, fault }) => peers[peer]?.folder === undefined && (failed > 0 || fault !== ''))
    .map(({ row, run, name, failed, fault }) => `${row.id}, run ${run}: ${name} failed ${failed} times ${fault}`)
}

function misses(entries: readonly Entry[]): string[] {
  return groups(entries, ({ row }) => row).flatMap(([row, own]) =>
    verdicts(row, own)
      .filter(({ failed }) => failed)
      .map(verdict => `${row.id}: ${tell(verdict, peer => peer)} By more than noise explains.`),
  )
}

/** Builds the packages; returns whether what is built is what runs. */
function prepare(): boolean {
  if (sources) return false
  if (build || !existsSync(new URL('packages/mqtt/dist/index.js', root))) {
    const pnpm = process.env['npm_execpath']
    // pnpm is a program of its own, or a script.
    const [command, ...args] =
      pnpm === undefined ? NPX : /\.[cm]?js$/.test(pnpm) ? ([process.execPath, pnpm] as const) : ([pnpm] as const)
    execFileSync(command, [...args, 'build'], { cwd: root, stdio: 'inherit' })
  }
  return true
}

/** The peers that can take part: those with a folder of their own are installed if they play in any row. */
function installed(): string[] {
  return plan.peers.filter(name => {
    const { folder, plays } = peers[name] ?? {}
    if (folder === undefined || !(extras.length > 0 || rows.some(row => plays?.(row)))) return true
    const lacking = install(folder)
    if (lacking !== undefined) console.warn(lacking)
    return lacking === undefined
  })
}

function placed(
  results: readonly Result[],
  broker: string,
  { built, load }: { readonly built: boolean; readonly load: number },
): Entry[] {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const where = [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}${built ? '' : ' (sources)'}`,
    `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), load ${load.toFixed(1)} before`,
    `Node ${process.versions.node}, ${broker}`,
    `${plan.runs} runs of ${plan.turns} turns of ${plan.turn} ms after ${plan.warmUp} ms`,
  ].join(', ')
  return results.map(result => ({ ...result, where }))
}
