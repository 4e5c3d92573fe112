import { once } from 'node:events'
import type { Plan, Result } from './measure.ts'
import type { MemoryRun } from './memory.ts'
import type { Row } from './rows.ts'
import { forkModule } from './worker-process.ts'

/** What a message and an RPC in memory cost, in units of one JSON round trip, measured in turn in one process. */
export async function measureMemory(
  rows: readonly Row[],
  { runs, turn, turns, built, profiles }: Plan,
): Promise<Result[]> {
  const child = forkModule('./memory.ts', {
    built,
    args: [String(runs), String(turn * turns)],
    flags: profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`],
  })
  const measured: MemoryRun[] = []
  child.on('message', (costs: MemoryRun) => measured.push(costs))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the memory rows ended with code ${code}`)
  return rows.flatMap(row =>
    measured.map((costs, run) => {
      const cost = row.deed === 'rpc' ? costs.rpc : costs.message
      return {
        row,
        run,
        peer: 'commlib',
        name: 'commlib',
        class: 'best-effort' as const,
        semantics: `validated at both ends; ${cost.toFixed(2)} µs, JSON alone ${costs.json.toFixed(2)} µs`,
        figure: cost / costs.json,
        p99: Number.NaN,
        p999: Number.NaN,
        rate: 1e6 / cost,
        cpu: cost,
        brokerCpu: 0,
        sent: 0,
        lost: 0,
        duplicates: 0,
        failed: 0,
        fault: '',
      }
    }),
  )
}
