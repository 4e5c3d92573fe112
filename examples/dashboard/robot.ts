// A robot that measures, knows its way and drives. Start it with the URL of a broker.
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode } from '@commlib/core/lean'
import { mqtt } from '@commlib/mqtt'
import { Drive, Reading, Route } from './contracts.ts'

const url = process.argv[2] ?? process.env['COMMLIB_URL'] ?? 'mqtt://localhost'
const heartbeat = { topic: 'robot.heartbeat', interval: 1000 }
const robot = await createNode({ name: 'robot', transport: mqtt(url), heartbeat })
const here = { x: 0, y: 0 }
let charge = 98

await robot.serve(Route, ({ x, y }) => ({ metres: Math.hypot(x - here.x, y - here.y) }))

await robot.serve(Drive, async function* (to, { signal }) {
  const from = { ...here }
  const metres = Math.hypot(to.x - from.x, to.y - from.y)
  for (let step = 1; step <= 20 && !signal.aborted; step++) {
    // Whoever cancels wakes it; how far it has come is its result all the same.
    await sleep(150, undefined, { signal }).catch(() => {})
    here.x = from.x + ((to.x - from.x) * step) / 20
    here.y = from.y + ((to.y - from.y) * step) / 20
    yield { progress: step / 20, metres: (metres * step) / 20 }
  }
  return { metres: Math.hypot(here.x - from.x, here.y - from.y) }
})

const sensors = robot.publisher(Reading)
const measuring = setInterval(() => {
  charge = Math.max(0, charge - 0.01)
  const wave = Math.sin(Date.now() / 2000)
  const values = { sonar: [1.6 + wave, 'm'], battery: [charge, '%'], motor: [41 + 3 * wave, '°C'] } as const
  for (const [sensor, [value, unit]] of Object.entries(values)) {
    void sensors.publish({ value, unit }, { params: { sensor } })
  }
}, 250)

console.log('the robot is on; Ctrl-C ends it')
await robot.runForever()
clearInterval(measuring)
