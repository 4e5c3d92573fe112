// What the robot and the operator agree on. Both import this file; neither imports the other.
import { action, event, rpc, topic } from '@commlib/core'
import Type from 'typebox'

const Place = Type.Object({ x: Type.Number(), y: Type.Number() })

/** The robot's sensors: one contract for every topic that fits the pattern. */
export const Reading = topic('robot.sensors.{sensor}', Type.Object({ value: Type.Number(), unit: Type.String() }))

/** How far is it? */
export const Route = rpc('robot.route', { request: Place, response: Type.Object({ metres: Type.Number() }) })

/** Go there. Takes a while, tells how it goes, and can be canceled. */
export const Drive = action('robot.drive', {
  goal: Place,
  feedback: Type.Object({ progress: Type.Number({ minimum: 0, maximum: 1 }), metres: Type.Number() }),
  result: Type.Object({ metres: Type.Number() }),
})

export const Obstacle = event('robot.obstacle', {
  name: 'ObstacleSeen',
  description: 'Something is closer to the robot than half a metre',
  payload: Type.Object({ metres: Type.Number() }),
})
