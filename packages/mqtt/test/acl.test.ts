import { readFileSync } from 'node:fs'
import { action, control, createNode, heartbeat, type Node, rpc, topic } from '@commlib/core'
import { startMosquitto } from '@commlib/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { mqtt } from '../src/index.ts'

const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
const acl = (/^```acl\n(.*?)^```/ms.exec(page)?.[1] ?? '').trim().split('\n')
const users = { robot: 'r', desk: 'd', display: 'v' }
const broker = await startMosquitto({ own: true, users, acl })

const Sensor = topic<{ value: number }, 'fleet.robot.sensors.{sensor}'>('fleet.robot.sensors.{sensor}')
const Route = rpc<{ x: number }, { metres: number }>('fleet.robot.route')
const Drive = action<{ x: number }, { metres: number }, { metres: number }>('fleet.robot.drive')

let nodes: Node[] = []
afterEach(async () => {
  for (const node of nodes.reverse()) await node.close()
  nodes = []
})

async function join(user: keyof typeof users, more: object = {}): Promise<Node> {
  const transport = mqtt(broker.url, { username: user, password: users[user] })
  const node = await createNode({ name: user, transport, heartbeat: false, ...more })
  nodes.push(node)
  return node
}

async function robot(): Promise<Node> {
  const options = { deviceId: 'r1', heartbeat: { interval: 50 }, control: true, onError: () => {} }
  const node = await join('robot', options)
  await node.serve(Route, ({ x }, { signal }) => {
    if (x >= 0) return { metres: x }
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  await node.serve(Drive, async function* ({ x }) {
    yield { metres: 1 }
    return { metres: x }
  })
  return node
}

test('the ACL file on the security page grants what a fleet needs', async () => {
  const served = await robot()
  const desk = await join('desk')
  const sensors = await desk.subscribe(Sensor)
  const beats = await desk.subscribe(heartbeat('thing.{device}.robot'))
  await served.publisher(Sensor).publish({ value: 7 }, { params: { sensor: 'sonar' } })
  expect((await sensors.next()).value).toEqual({ value: 7 })
  expect((await beats.next()).value).toEqual({ ts: expect.any(Date) })

  const route = desk.client(Route)
  expect(await route({ x: 3 })).toEqual({ metres: 3 })
  await expect(route({ x: -1 }, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout')
  await vi.waitFor(() => expect(served.ports.find(({ name }) => name === Route.name)).toMatchObject({ errors: 1 }))

  const goal = await desk.client(Drive)({ x: 5 })
  const feedback = []
  for await (const each of goal) feedback.push(each)
  expect(feedback).toEqual([{ metres: 1 }])
  expect(await goal.result).toEqual({ metres: 5 })

  expect(await desk.client(control(served.namespace).stop)({})).toEqual({ status: 0, error: '' })
})

test('the ACL file on the security page grants nothing else', async () => {
  const served = await robot()
  const display = await join('display', { onError: () => {} })
  const sensors = await display.subscribe(Sensor)
  const overheard = vi.fn()
  await display.subscribe(topic('thing.*'), overheard)
  await display.subscribe(topic('fleet.robot.drive.*'), overheard)

  const notAuthorized = expect.objectContaining({ code: 'NOT_AUTHORIZED' })
  const forged = display.publisher(Sensor).publish({ value: 1 }, { params: { sensor: 'sonar' }, reliable: true })
  await expect(forged).rejects.toThrow(notAuthorized)
  await expect(display.client(Route)({ x: 3 }, { timeout: 500 })).rejects.toThrow(notAuthorized)
  await expect(display.client(Drive)({ x: 3 }, { timeout: 500 })).rejects.toThrow(notAuthorized)
  await expect(display.client(control(served.namespace).stop)({}, { timeout: 500 })).rejects.toThrow(notAuthorized)

  const desk = await join('desk')
  await (await desk.client(Drive)({ x: 5 })).result
  // What the robot sends after the rest: the heartbeats and the goal's topics would have come before it.
  await served.publisher(Sensor).publish({ value: 7 }, { params: { sensor: 'sonar' } })
  expect((await sensors.next()).value).toEqual({ value: 7 })
  expect(overheard).not.toHaveBeenCalled()
  expect(served.state).toBe('running')
})
