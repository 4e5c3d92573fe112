import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, GoalStatus, heartbeat, type Node, type Transport, type TransportStatus } from '@commlib/core'
import { Drive, Obstacle, Reading, Route } from './contracts.ts'
import { HeartWatch } from './heart-watch.ts'
import type { Screen } from './screen/screen.ts'

export interface OperatorOptions {
  readonly transport: Transport
  readonly screen: Screen

  /** Cancels what is going on. */
  readonly signal: AbortSignal

  /** 2 is twice as fast. */
  readonly speed: number

  /** How many times the robot is sent out. */
  readonly count: number
}

/** Watches the robot and sends it somewhere. Resolves with how that ended. */
export async function operate(options: OperatorOptions): Promise<GoalStatus> {
  const { transport, screen, signal } = options
  const heart = new HeartWatch('robot')

  const operator = await createNode({
    name: 'operator',
    transport,
    heartbeat: { interval: 500 },
    signal,
    onStatus: status => onStatus(status, screen, heart),
    onError: error => screen.note(String(error)),
  })

  screen.open()
  try {
    await operator.subscribe(heartbeat('{node}'), (_, { params }) => {
      screen.heartbeat(params.node)
      if (params.node === 'robot') heart.beat()
    })
    await operator.subscribe(Reading, ({ value, unit }, { params }) => screen.reading(params.sensor, value, unit))
    await operator.subscribe(Obstacle, ({ metres }, { event }) => {
      screen.event(`${event.name}, ${metres.toFixed(2)} m ahead`)
    })
    return await Promise.race([work(operator, options), heart.stopped])
  } catch (error) {
    if (signal.aborted) return GoalStatus.CANCELED
    throw error
  } finally {
    heart.rest()
    await operator.close()
  }
}

/** Asks how far it is, and sends the robot there: there and back, as often as wanted. */
async function work(operator: Node, { screen, signal, speed, count }: OperatorOptions): Promise<GoalStatus> {
  const pause = (milliseconds: number) => sleep(milliseconds / speed, undefined, { signal })
  const route = operator.client(Route, { timeout: 3000 })
  const drive = operator.client(Drive)

  await robotIsThere(operator, screen, signal)
  await pause(1200)

  let status: GoalStatus = GoalStatus.SUCCEEDED
  for (let trip = 0; trip < count && status === GoalStatus.SUCCEEDED; trip++) {
    const place = trip % 2 === 0 ? { x: 3, y: 4 } : { x: 0, y: 0 }

    const asked = performance.now()
    const { metres } = await route(place, { signal })
    screen.answer(`(${place.x}, ${place.y}) is ${metres.toFixed(1)} m away`, performance.now() - asked)
    await pause(600)

    // The signal cancels the goal. It then ends as CANCELED, with what was driven until then as its result.
    const goal = await drive(place, { signal })
    screen.start(`to (${place.x}, ${place.y})`)
    for await (const { progress, metres } of goal) screen.progress(progress, metres)

    const { status: end, result, error } = await goal.outcome
    // With the node closed there is no telling how the goal ends.
    if (operator.state !== 'running') return end
    screen.end(end, result === undefined ? String(error) : `${result.metres.toFixed(1)} m driven`)
    if (!signal.aborted) await pause(600)
    status = end
  }
  return status
}

/** The first reading tells more than a heartbeat: the robot publishes only once it serves. */
async function robotIsThere(operator: Node, screen: Screen, signal: AbortSignal): Promise<void> {
  const patience = setTimeout(() => screen.note('waiting for the robot (start it with --role robot)'), 1000)
  try {
    // Leaving the loop unsubscribes.
    for await (const _ of await operator.subscribe(Reading, { signal })) break
    signal.throwIfAborted()
  } finally {
    clearTimeout(patience)
    screen.note('')
  }
}

/** The node reconnects by itself; there is only something to say. */
function onStatus({ type }: TransportStatus, screen: Screen, heart: HeartWatch): void {
  if (type === 'disconnected') {
    heart.rest()
    screen.note('the connection is lost: trying again')
  } else if (type === 'connected') {
    screen.note('')
  }
}
