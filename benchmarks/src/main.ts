import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { type Broker, startMosquitto } from './broker.ts'
import { measureRun, type Plan, type Result } from './measure.ts'
import { measureMemory } from './memory-run.ts'
import { HELP, readOptions } from './options.ts'
import { toCsv, toMarkdown, verdict } from './report.ts'
import type { Row } from './rows.ts'

const root = new URL('../../', import.meta.url)
const NPX = ['npx', '-y', 'pnpm@12'] as const
const folder = new URL('../results/', import.meta.url)

const { help, quick, rows, sources, build, ...plan } = readOptions(process.argv.slice(2))
if (help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const built = prepare()
  const results: Result[] = []
  const mqttRows = rows.filter(({ transport }) => transport === 'mqtt')
  const memoryRows = rows.filter(({ transport }) => transport === 'memory')
  let broker: Broker | undefined
  const load = loadavg()[0] ?? 0
  try {
    if (mqttRows.length > 0) {
      broker = await startMosquitto()
      for (const row of mqttRows) results.push(...(await measureRow(row, broker, { ...plan, built })))
    }
    if (memoryRows.length > 0) {
      const measured = await measureMemory(memoryRows, { ...plan, built })
      results.push(...measured)
      for (const row of memoryRows) tell(row, measured)
    }
  } finally {
    await broker?.stop()
  }
  const text = `${about(built, broker, load)}\n\n${toMarkdown(results)}`
  const name = quick || rows.length < 6 ? 'quick' : 'latest'
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${name}.csv`, folder), toCsv(results))
  writeFileSync(new URL(`${name}.md`, folder), text)
  if (name === 'latest') showInReadme(text)
  console.log(`\n${text}\nWritten to benchmarks/results/${name}.md and ${name}.csv`)
  const failed = results.filter(result => result.failed > 0)
  for (const { row, run, name: peer } of failed)
    console.error(`${row.id}, run ${run}: ${peer} failed or answered wrong`)
  if (failed.length > 0) process.exitCode = 1
}

function showInReadme(text: string): void {
  const file = new URL('../README.md', import.meta.url)
  const [before, after] = readFileSync(file, 'utf8').split(/(?<=<!-- results -->\n)[\s\S]*(?=<!-- \/results -->)/)
  writeFileSync(file, `${before}\n${text}\n${after}`)
}

async function measureRow(row: Row, broker: Broker, options: Plan): Promise<Result[]> {
  const results: Result[] = []
  for (let run = 0; run < options.runs; run++) {
    process.stdout.write(`\r${row.id}: run ${run + 1} of ${options.runs}`)
    results.push(...(await measureRun(row, run, broker, options)))
  }
  process.stdout.write('\n')
  tell(row, results)
  return results
}

function tell(row: Row, results: readonly Result[]): void {
  const own = results.filter(result => result.row === row)
  console.log(`${row.id}: ${verdict(row, own)}`)
}

/** Builds the packages; returns whether what is built is what runs. */
function prepare(): boolean {
  if (sources) return false
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: { build?: string } }
  if (scripts.build === undefined) {
    console.warn('There is no build script: running the sources.')
    return false
  }
  if (build || !existsSync(new URL('packages/mqtt/dist/index.js', root))) {
    const pnpm = process.env['npm_execpath']
    // pnpm is a program of its own, or a script.
    const [command, ...args] =
      pnpm === undefined ? NPX : /\.[cm]?js$/.test(pnpm) ? ([process.execPath, pnpm] as const) : ([pnpm] as const)
    execFileSync(command, [...args, 'build'], { cwd: root, stdio: 'inherit' })
  }
  return true
}

function about(built: boolean, broker: Broker | undefined, load: number): string {
  const version = (path: string) => JSON.parse(readFileSync(new URL(path, root), 'utf8')).version as string
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}, ${built ? 'built packages' : 'sources'}`,
    `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), load ${load.toFixed(1)} before the run`,
    `Node ${process.versions.node}, mqtt.js ${version('benchmarks/node_modules/mqtt/package.json')}` +
      (broker === undefined ? '' : `, mosquitto ${broker.version}`),
    `${plan.runs} runs, each of ${plan.turns} turns of ${plan.turn} ms after a warm-up of ${plan.warmUp} ms`,
  ]
  return lines.map(line => `- ${line}`).join('\n')
}
