// Measures, in a fresh project with the packed packages, what a process with lean core weighs that is connected to a
// mosquitto over TCP and does nothing: on mqtt.js and on the slim codec. Medians.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startMosquitto } from '../packages/testing/src/brokers/mosquitto.ts'
import { freshProject, output, packAll } from './pack.ts'

const runs = 11
const transports = { mqtt: '@commlib/mqtt', mqttLite: '@commlib/mqtt-lite' }
const project = freshProject(packAll(), ['@commlib/core', ...Object.values(transports)])
const broker = await startMosquitto({ own: true })

for (const [name, from] of Object.entries(transports)) {
  writeFileSync(
    join(project, `${name}.js`),
    `import { setTimeout as sleep } from 'node:timers/promises'
import { createNode } from '@commlib/core/lean'
import { ${name} } from '${from}'
const node = await createNode({ name: 'device', transport: ${name}('${broker.url}') })
const connected = performance.now()
await sleep(500)
gc()
await sleep(100)
console.log(JSON.stringify([connected, process.memoryUsage.rss() / 1e6]))
await node.close()
`,
  )
}
writeFileSync(
  join(project, 'nothing.js'),
  `import { setTimeout as sleep } from 'node:timers/promises'
const started = performance.now()
await sleep(500)
gc()
await sleep(100)
console.log(JSON.stringify([started, process.memoryUsage.rss() / 1e6]))
`,
)

const names = ['nothing', ...Object.keys(transports)]
const results = new Map(names.map(name => [name, [] as Array<[number, number]>]))
// In turns, so that what else the machine does is shared.
for (let run = 0; run < runs; run++)
  for (const [name, list] of results)
    list.push(JSON.parse(output(process.execPath, ['--expose-gc', `${name}.js`], project)))
await broker.close()

for (const [name, list] of results) {
  const start = median(list.map(([start]) => start)).toFixed(0)
  const rss = median(list.map(([, rss]) => rss)).toFixed(1)
  console.log(
    `${name.padEnd(8)} ${start.padStart(4)} ms from the start of the process to connected, ${rss} MB RSS idle`,
  )
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
