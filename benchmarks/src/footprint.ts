import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { startBroker } from './brokers.ts'
import { peers } from './peers/index.ts'
import { rows } from './rows.ts'
import { median } from './statistics.ts'
import { table } from './table.ts'
import { forkModule } from './worker-process.ts'

interface Footprint {
  readonly imported: number
  readonly answered: number
  readonly idle: number
  readonly loaded: number
}

interface Options {
  readonly built: boolean
  readonly peers: readonly string[]
  readonly runs: number
}

/** What a process with each peer takes: time until it works, and memory. */
export async function measureFootprint({ built, peers: names, runs }: Options): Promise<string> {
  const lines: string[][] = []
  for (const transport of ['mqtt', 'redis', 'amqp'] as const) {
    const row = rows.find(({ id }) => id === `${transport}-rpc-64`)
    if (row === undefined) continue
    const playing = names.filter(name => peers[name]?.plays(row) && !peers[name]?.python)
    const measured = new Map(playing.map(name => [name, [] as Footprint[]]))
    const broker = await startBroker(transport, 'untouched')
    try {
      for (let run = 0; run < runs; run++)
        for (const [name, list] of measured) {
          const args = [name, row.id, broker.url]
          const footprint = await measureIn(args, built)
          if (footprint !== undefined) list.push(footprint)
        }
    } finally {
      await broker.stop()
    }
    for (const [name, list] of measured) {
      const typical = (key: keyof Footprint, unit = 1) => (median(list.map(one => one[key])) / unit).toFixed(1)
      const cells = [typical('imported'), typical('answered'), typical('idle', 1e6), typical('loaded', 1e6)]
      lines.push([`${transport}: ${name}`, ...cells])
      console.log(lines.at(-1)?.join(' | '))
    }
  }
  const head = [
    'a process that serves and calls',
    'import (ms)',
    'start to first answer (ms)',
    'idle (MB)',
    'after 20,000 calls (MB)',
  ]
  return `${table(head, lines)}\n\n${bundles()}`
}

async function measureIn(args: readonly string[], built: boolean): Promise<Footprint | undefined> {
  const child = forkModule('./footprint-process.ts', { built, args, flags: ['--expose-gc'] })
  let footprint: Footprint | undefined
  child.on('message', (measured: Footprint) => {
    footprint = measured
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await once(child, 'exit')
  clearTimeout(timer)
  return footprint
}

const IMPORTS = {
  'mqtt.js': `export * from 'mqtt'`,
  '@commlib/core + mqtt': `export { createNode, topic, rpc } from '@commlib/core'; export { mqtt } from '@commlib/mqtt'`,
  ioredis: `export * from 'ioredis'`,
  '@commlib/core + redis': `export { createNode, topic, rpc } from '@commlib/core'; export { redis } from '@commlib/redis'`,
  amqplib: `export * from 'amqplib'`,
  '@commlib/core + amqp': `export { createNode, topic, rpc } from '@commlib/core'; export { amqp } from '@commlib/amqp'`,
} as const

/** Bundled for Node, minified, and gzipped; pnpm's `sizes` has the budgets for browsers. */
function bundles(): string {
  const resolveDir = fileURLToPath(new URL('..', import.meta.url))
  const lines = Object.entries(IMPORTS).map(([name, source]) => {
    const args = ['exec', 'esbuild', '--bundle', '--minify', '--platform=node', '--format=esm', '--log-level=error']
    const code = execFileSync('npx', ['-y', 'pnpm@12', ...args], { cwd: resolveDir, input: source, maxBuffer: 2 ** 26 })
    return [name, (code.length / 1000).toFixed(0), (gzipSync(code).length / 1000).toFixed(0)]
  })
  return table(['bundled for Node', 'minified (kB)', 'gzipped (kB)'], lines)
}
