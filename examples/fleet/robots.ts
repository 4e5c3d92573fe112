import { createNode, memory, type Node, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Work } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** A robot lets others stop and start it, and beats its heart. */
async function startRobot(name: string): Promise<Node> {
  const robot = await createNode({
    deviceId: 'warehouse', // its namespace is thing.warehouse.<name>
    name,
    transport: transportFor(COMMLIB_URL, [memory, mqtt]),
    heartbeat: { interval: 100 },
    control: true,
  })
  // Several that serve the same call share the work.
  await robot.serve(Work, () => ({ by: name }))
  return robot
}

export const robots = await Promise.all(['picker_1', 'picker_2', 'picker_3'].map(startRobot))
console.log('fleet: 3 robots at work')
for (const robot of robots) void robot.runForever() // until Ctrl-C
