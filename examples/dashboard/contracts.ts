// What the robot and the page agree on. Types only: lean core checks nothing, and is small.
import { action, rpc, topic } from '@commlib/core/lean'

export interface Place {
  readonly x: number
  readonly y: number
}

/** The robot's sensors: one contract for every topic that fits the pattern. */
export const Reading = topic<{ value: number; unit: string }, 'robot.sensors.{sensor}'>('robot.sensors.{sensor}')

/** How far is it? */
export const Route = rpc<Place, { metres: number }>('robot.route')

/** Go there. Takes a while, tells how it goes, and can be canceled. */
export const Drive = action<Place, { progress: number; metres: number }, { metres: number }>('robot.drive')
