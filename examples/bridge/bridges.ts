import { bridge } from '@commlib/bridges'
import { createNode } from '@commlib/core'
import { Add, Mode, Move, Sonar } from './contracts.ts'
import { backendSide, robotSide } from './sides.ts'

export const toRobot = await createNode({ name: 'bridge', transport: robotSide(), heartbeat: false })
export const toBackend = await createNode({ name: 'bridge', transport: backendSide(), heartbeat: false })

// Calls and goals go from the backend to the robot, and so does its mode.
await bridge(toBackend, toRobot, Add)
await bridge(toBackend, toRobot, Move, { to: Move.name })
await bridge(toBackend, toRobot, Mode)

// Whatever its sensors say reaches the backend under the robot's name.
export const sensors = await bridge(toRobot, toBackend, Sonar, {
  namespace: 'myrobot',
  filter: ({ distance }) => distance < 5,
})
