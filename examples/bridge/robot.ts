import { createNode } from '@commlib/core'
import { Add, Mode, Move, Sonar } from './contracts.ts'
import { robotSide } from './sides.ts'

export const robot = await createNode({ name: 'robot', transport: robotSide(), heartbeat: false })

await robot.serve(Add, ({ a, b }) => ({ sum: a + b }))
await robot.serve(Move, async function* ({ to }) {
  for (let at = 1; at <= to; at++) yield { at }
  return { meters: to }
})
await robot.subscribe(Mode, ({ mode }) => console.log(`robot: my mode is ${mode}`))

export const sonar = robot.publisher(Sonar)
