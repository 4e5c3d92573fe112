import { action, rpc, topic } from '@commlib/core'
import { Type } from 'typebox'

// What the robot has, on its own broker.
export const Add = rpc('math.add', {
  request: Type.Object({ a: Type.Integer(), b: Type.Integer() }),
  response: Type.Object({ sum: Type.Integer() }),
})
export const Sonar = topic('sensors.sonar.{where}', Type.Object({ distance: Type.Number() }))
export const Move = action('robot.move', {
  goal: Type.Object({ to: Type.Number() }),
  feedback: Type.Object({ at: Type.Number() }),
  result: Type.Object({ meters: Type.Number() }),
})

// What the backend sends to it.
export const Mode = topic('robot.mode', Type.Object({ mode: Type.String() }))
