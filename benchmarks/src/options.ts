import { parseArgs } from 'node:util'
import type { Plan } from './measure.ts'
import { type Row, rows, select } from './rows.ts'

export interface Options extends Plan {
  readonly help: boolean
  readonly quick: boolean
  readonly rows: readonly Row[]
  readonly build: boolean
}

export const HELP = `pnpm bench [options]

  --only mqtt,rpc    rows of these transports and patterns, or by id:
                     ${rows.map(({ id }) => id).join(', ')}
  --runs 5           runs of each row; the table has their medians, lowest and highest
  --quick            one short run of everything, to see that it works: its figures mean little
  --sources          run the packages' sources instead of what \`pnpm build\` makes of them
  --no-build         run what is built, without building it again
  --profile <dir>    write a CPU profile of every process there
  --help`

export function readOptions(args: readonly string[]): Omit<Options, 'built'> & { readonly sources: boolean } {
  const { values } = parseArgs({
    args: args.filter(arg => arg !== '--'),
    allowNegative: true,
    options: {
      only: { type: 'string', default: '' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      sources: { type: 'boolean', default: false },
      build: { type: 'boolean', default: true },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, sources, build, profile, help } = values
  const runs = Number(values.runs ?? (quick ? 1 : 5))
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number from 1, not '${values.runs}'`)
  return {
    help,
    quick,
    runs,
    sources,
    build,
    profiles: profile,
    rows: select(values.only.split(',').filter(word => word !== '')),
    ...(quick ? { warmUp: 200, turn: 200, turns: 1 } : { warmUp: 1000, turn: 400, turns: 5 }),
  }
}
