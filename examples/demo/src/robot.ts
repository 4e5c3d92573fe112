import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, type Node, type Transport } from '@commlib/core'
import { Drive, Obstacle, Reading, Route } from './contracts.ts'
import { RobotBody, TICK } from './robot-body.ts'

export interface RobotOptions {
  readonly transport: Transport

  /** 2 is twice as fast. */
  readonly speed: number

  /** Gives up connecting when it aborts. */
  readonly signal?: AbortSignal | undefined

  /** Is told what the robot is asked to do, in a line. */
  readonly onWork?: ((line: string) => void) | undefined
  readonly onError: (error: unknown) => void
}

/** Starts the robot: it publishes its sensors, answers how far places are, and drives there. */
export async function startRobot({
  transport,
  speed,
  signal,
  onWork = () => {},
  onError,
}: RobotOptions): Promise<Node> {
  const body = new RobotBody(speed)
  const robot = await createNode({
    name: 'robot',
    transport,
    heartbeat: { interval: 500 },
    signal,
    onError,
  })

  await robot.serve(Route, place => {
    const metres = body.distance(place)
    onWork(`rpc     ${Route.name}  (${place.x}, ${place.y}) is ${metres.toFixed(1)} m away`)
    return { metres }
  })

  await robot.serve(
    Drive,
    async function* (place, { signal }) {
      onWork(`action  ${Drive.name}  to (${place.x}, ${place.y})`)
      let metres = 0
      for await (const step of body.drive(place, signal)) {
        metres = step.metres
        yield step
      }
      onWork(`action  ${Drive.name}  ${signal.aborted ? 'stopped' : 'there'} after ${metres.toFixed(1)} m`)
      // Whoever cancels gets this too: how far it came is the partial result.
      return { metres }
    },
    { policy: 'preempt' },
  )

  void watch(robot, body).catch(onError)
  return robot
}

/** Publishes what the sensors say, for as long as the node runs. */
async function watch(robot: Node, body: RobotBody): Promise<void> {
  const readings = robot.publisher(Reading)
  for (let near = false; robot.state === 'running'; await sleep(TICK)) {
    for (const [sensor, reading] of Object.entries(body.sensors)) {
      await readings.publish(reading, { params: { sensor } })
    }
    if (body.ahead < 0.5 && !near) await robot.emit(Obstacle, { metres: body.ahead })
    near = body.ahead < 0.5
  }
}
