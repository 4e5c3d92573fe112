// The robot, the backend and the bridges between them in one process.
import { setTimeout as sleep } from 'node:timers/promises'
import { backend, work } from './backend.ts'
import { sensors, toBackend, toRobot } from './bridges.ts'
import { robot, sonar } from './robot.ts'

await work()
await sonar.publish({ distance: 1.5 }, { params: { where: 'front' } })
await sonar.publish({ distance: 7 }, { params: { where: 'rear' } })
await sonar.publish({ distance: 2.5 }, { params: { where: 'rear' } })
while (sensors.counters.forwarded < 2 || sensors.counters.filtered < 1) await sleep(10)
await sleep(100)
const { forwarded, filtered } = sensors.counters
console.log(`bridge: ${forwarded} forwarded, ${filtered} filtered`)
for (const node of [robot, backend, toRobot, toBackend]) await node.close()
