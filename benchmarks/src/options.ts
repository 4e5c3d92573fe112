import { parseArgs } from 'node:util'
import type { Configuration } from './brokers.ts'
import type { Plan } from './measure.ts'
import { peers } from './peers/index.ts'
import { type Row, rows, select } from './rows.ts'

export interface Options extends Omit<Plan, 'built'> {
  readonly help: boolean
  readonly quick: boolean
  readonly rows: readonly Row[]
  readonly build: boolean
  readonly sources: boolean

  /** What is measured beside the rows. */
  readonly extras: readonly Extra[]
  readonly configuration: Configuration
}

const EXTRAS = ['growth', 'footprint'] as const
export type Extra = (typeof EXTRAS)[number]

export const HELP = `pnpm bench [options]

  --only redis,rpc   rows of these transports and patterns, or by id (all of them below); also ${EXTRAS.join(', ')}
  --peers a,b        of ${Object.keys(peers).join(', ')}
  --runs 5           runs of each row; the table has their medians, lowest and highest
  --quick            one short run of the main rows; fails where a ratio to the raw client is far off its target
  --tuned            brokers with the tuned configurations in benchmarks/brokers
  --sources          run the packages' sources instead of what \`pnpm build\` makes of them
  --no-build         run what is built, without building it again
  --profile          leave a CPU profile and a flame graph of every process in benchmarks/results/profiles
  --help

rows: ${rows.map(({ id }) => id).join(', ')}`

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: args.filter(arg => arg !== '--'),
    allowNegative: true,
    options: {
      only: { type: 'string', default: '' },
      peers: { type: 'string', default: '' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      tuned: { type: 'boolean', default: false },
      sources: { type: 'boolean', default: false },
      build: { type: 'boolean', default: true },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, tuned, sources, build, profile, help } = values
  const runs = Number(values.runs ?? (quick ? 1 : 5))
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number from 1, not '${values.runs}'`)
  const words = wordsOf(values.only)
  const wanted = EXTRAS.filter(extra => words.includes(extra))
  const named = words.filter(word => !EXTRAS.some(extra => extra === word))
  const selected = wanted.length > 0 && named.length === 0 ? [] : select(named)
  return {
    help,
    quick,
    runs,
    sources,
    build,
    configuration: tuned ? 'tuned' : 'untouched',
    profiles: profile ? new URL('../results/profiles', import.meta.url).pathname : undefined,
    peers: peersOf(values.peers, quick),
    extras: words.length === 0 && !quick ? EXTRAS : wanted,
    rows: quick && values.only === '' ? selected.filter(row => row.quick) : selected,
    // Where a profile is wanted, turns are long, so that it shows them and not the start.
    ...(quick
      ? { warmUp: 600, turn: profile ? 3000 : 150, turns: profile ? 1 : 5 }
      : { warmUp: 1000, turn: 400, turns: 5 }),
  }
}

function peersOf(text: string, quick: boolean): readonly string[] {
  const names = wordsOf(text)
  for (const name of names) if (!(name in peers)) throw new Error(`--peers takes ${Object.keys(peers)}, not '${name}'`)
  if (names.length > 0) return names
  // Quick is about the raw clients: what validation costs is less than a short run's noise.
  return Object.keys(peers).filter(
    name => !quick || (peers[name]?.folder === undefined && name !== 'commlib-unchecked'),
  )
}

function wordsOf(text: string): string[] {
  return text.split(',').filter(word => word !== '')
}
