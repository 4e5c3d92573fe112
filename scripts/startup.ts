// Measures, in a fresh project with the packed packages, how long an import takes beside that of MQTT.js, and how soon
// a process ends by itself after close(). Fails when a share or the time is exceeded.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshProject, output, packAll } from './pack.ts'

const runs = 25
/** Largest share of the time of importing `mqtt`, by what is imported. */
const shares = { '@commlib/core/lean': 1 / 4, '@commlib/core': 1 / 2 }
/** Milliseconds that a process may live on after close(). */
const linger = 100

const project = freshProject(packAll(), ['@commlib/core', '@commlib/mqtt'])
const faults: string[] = []

const times = new Map(['mqtt', ...Object.keys(shares)].map(name => [name, [] as number[]]))
for (let run = 0; run < runs; run++)
  for (const [name, values] of times)
    values.push(
      measure(`const start = performance.now(); await import('${name}'); console.log(performance.now() - start)`),
    )
// What else the machine does only adds to a time, and unevenly: the fastest runs are compared.
const fastest = (name: string) => Math.min(...(times.get(name) ?? []))
for (const [name, values] of times) {
  const share = fastest(name) / fastest('mqtt')
  const limit = Object.entries(shares).find(([key]) => key === name)?.[1]
  const shown = limit === undefined ? '' : `, ${share.toFixed(2)} of mqtt's; limit ${limit}`
  console.log(`import ${name} ${fastest(name).toFixed(1)} ms (median ${median(values).toFixed(1)})${shown}`)
  if (limit !== undefined && share >= limit)
    faults.push(`importing ${name} takes ${share.toFixed(2)} of importing mqtt; limit ${limit}`)
}

writeFileSync(
  join(project, 'close.js'),
  `import { createNode, memory, rpc } from '@commlib/core'
const Add = rpc('math.add')
const node = await createNode({ name: 'kitchen', transport: memory() })
await node.serve(Add, ({ a, b }) => ({ sum: a + b }))
const { sum } = await node.client(Add)({ a: 1, b: 2 })
if (sum !== 3) throw new Error('1 + 2 is ' + sum)
await node.close()
const closed = performance.now()
process.on('exit', () => console.log(performance.now() - closed))
`,
)
const after = median(Array.from({ length: 5 }, () => Number(output(process.execPath, ['close.js'], project))))
console.log(`exit ${after.toFixed(1)} ms after close(); limit ${linger}`)
if (!(after < linger)) faults.push(`the process ended ${after.toFixed(1)} ms after close(); limit ${linger}`)

for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0

function measure(program: string): number {
  return Number(output(process.execPath, ['--input-type=module', '--eval', program], project))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
