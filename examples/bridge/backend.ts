import { createNode, topic } from '@commlib/core'
import { Add, Mode, Move } from './contracts.ts'
import { backendSide } from './sides.ts'

export const backend = await createNode({ name: 'backend', transport: backendSide(), heartbeat: false })

export async function work(): Promise<void> {
  const { sum } = await backend.client(Add)({ a: 1, b: 2 })
  console.log(`backend: the robot says that 1 + 2 = ${sum}`)

  const goal = await backend.client(Move)({ to: 3 })
  for await (const { at } of goal) console.log(`backend: the robot is at ${at}`)
  const { meters } = await goal.result
  console.log(`backend: the robot has moved ${meters} m`)

  await backend.publisher(Mode).publish({ mode: 'explore' })
}

/** Messages of every sensor of every robot. */
export const readings = await backend.subscribe(
  topic<{ distance: number }>('{robot}.sensors.*'),
  (message, { topic }) => console.log(`backend: ${topic} ${message.distance}`),
)
