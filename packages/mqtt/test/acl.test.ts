import { readFileSync } from 'node:fs'
import { action, control, createNode, heartbeat, type Node, rpc, topic } from '@commlib/core'
import { startMosquitto } from '@commlib/testing'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { mqtt } from '../src/index.ts'

const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
const acl = (/^```acl\n(.*?)^```/ms.exec(page)?.[1] ?? '').trim().split('\n')
const users = { r1: 'a', r2: 'b', desk: 'd', display: 'v' }
const broker = await startMosquitto({ own: true, users, acl })
afterAll(() => broker.close())

const Sensor = topic<{ value: number }, 'fleet.{robot}.sensors.{sensor}'>('fleet.{robot}.sensors.{sensor}')
const routeOf = (robot: string) => rpc<{ x: number }, { metres: number }>(`fleet.${robot}.route`)
const Work = rpc<{ for: string }, { goal: number }>('fleet.desk.work')
const driveOf = (robot: string) => action<{ x: number }, { metres: number }, { metres: number }>(`fleet.${robot}.drive`)

let nodes: Node[] = []
afterEach(async () => {
  for (const node of nodes.reverse()) await node.close()
  nodes = []
})

async function join(user: keyof typeof users, more: object = {}): Promise<Node> {
  const transport = mqtt(broker.url, { username: user, password: users[user], inbox: user })
  const node = await createNode({ name: user, transport, heartbeat: false, onError: () => {}, ...more })
  nodes.push(node)
  return node
}

async function robot(user: 'r1' | 'r2'): Promise<Node> {
  const node = await join(user, { name: 'robot', deviceId: user, heartbeat: { interval: 50 }, control: true })
  await node.serve(routeOf(user), ({ x }, { signal }) => {
    if (x >= 0) return { metres: x }
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  await node.serve(driveOf(user), async function* ({ x }) {
    yield { metres: 1 }
    return { metres: x }
  })
  return node
}

const send = (node: Node, name: string) =>
  node.publisher(Sensor).publish({ value: 7 }, { params: { robot: name, sensor: 'sonar' }, reliable: true })

const notAuthorized = expect.objectContaining({ code: 'NOT_AUTHORIZED' })

test.each(['r1', 'r2'] as const)(
  'the ACL file on the security page grants what the fleet needs, for %s',
  async name => {
    const served = await robot(name)
    const desk = await join('desk')
    const sensors = await desk.subscribe(Sensor)
    const beats = await desk.subscribe(heartbeat('thing.{device}.robot'))
    await send(served, name)
    expect((await sensors.next()).value).toEqual({ value: 7 })
    expect((await beats.next()).value).toEqual({ ts: expect.any(Date) })

    const Route = routeOf(name)
    const route = desk.client(Route)
    expect(await route({ x: 3 })).toEqual({ metres: 3 })
    await expect(route({ x: -1 }, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout')
    await vi.waitFor(() => expect(served.ports.find(port => port.name === Route.name)).toMatchObject({ errors: 1 }))

    const goal = await desk.client(driveOf(name))({ x: 5 })
    const feedback = []
    for await (const each of goal) feedback.push(each)
    expect(feedback).toEqual([{ metres: 1 }])
    expect(await goal.result).toEqual({ metres: 5 })

    expect(await desk.client(control(served.namespace).stop)({})).toEqual({ status: 0, error: '' })
  },
)

test('the ACL file on the security page keeps the answers to each robot private', async () => {
  const desk = await join('desk')
  const asked = vi.fn()
  await desk.serve(Work, request => {
    asked(request)
    return { goal: 7 }
  })
  const [r1, r2] = [await robot('r1'), await robot('r2')]
  const thief = mqtt(broker.url, { username: 'r2', password: users.r2 })
  const [overheard, own] = [vi.fn(), vi.fn()]
  await thief.connect({ onError: () => {} })
  for (const pattern of ['*', '*.*', 'rpc-.*', 'rpc-.r1.*', 'rpc-.*.*.*', 'rpc-.desk.*'])
    await thief.subscribe(pattern, name => (name.startsWith('rpc-.r2.') ? own(name) : overheard(name)))

  expect(await r1.client(Work)({ for: 'r1' })).toEqual({ goal: 7 })
  expect(await desk.client(routeOf('r1'))({ x: 3 })).toEqual({ metres: 3 })
  // The answers to its own user reach that connection too: that no others came is no accident.
  expect(await r2.client(Work)({ for: 'r2' })).toEqual({ goal: 7 })
  await vi.waitFor(() => expect(own).toHaveBeenCalled())
  expect(overheard).not.toHaveBeenCalled()

  // Nor are they sent to where another robot could read them.
  const posing = mqtt(broker.url, { username: 'r2', password: users.r2, inbox: 'r1' })
  const poser = await createNode({ name: 'poser', transport: posing, heartbeat: false, onError: () => {} })
  nodes.push(poser)
  await expect(poser.client(Work)({ for: 'nobody' }, { timeout: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(asked).toHaveBeenLastCalledWith({ for: 'nobody' })
  await thief.close()
})

/** Everything that `user` may try on the robot r1. */
async function trespass(node: Node): Promise<void> {
  await expect(send(node, 'r1')).rejects.toThrow(notAuthorized)
  await expect(node.client(routeOf('r1'))({ x: 3 }, { timeout: 500 })).rejects.toThrow(notAuthorized)
  await expect(node.client(driveOf('r1'))({ x: 3 }, { timeout: 500 })).rejects.toThrow(notAuthorized)
  await expect(node.client(control('thing.r1.robot').stop)({}, { timeout: 500 })).rejects.toThrow(notAuthorized)
  for (const name of ['fleet.r1.drive.status', 'thing.r1.robot.heartbeat', 'fleet.r1.route._cancel']) {
    await expect(node.publisher(topic(name)).publish({}, { reliable: true })).rejects.toThrow(notAuthorized)
  }
}

test('the ACL file on the security page lets no robot speak for, command or overhear another one', async () => {
  const served = await robot('r1')
  const thief = await robot('r2')
  const [overheard, own] = [vi.fn(), vi.fn()]
  for (const pattern of ['fleet.*', 'thing.*', 'fleet.r1.*']) await thief.subscribe(topic(pattern), overheard)
  // As a service would, to take the other's requests, through the share group and beside it.
  const raw = mqtt(broker.url, { username: 'r2', password: users.r2 })
  await raw.connect({ onError: () => {} })
  for (const queue of ['fleet.r1.route', 'fleet.r1.drive.send_goal', 'thing.r1.robot.stop', 'fleet.r1.route._cancel']) {
    await raw.pull(queue, overheard)
    await raw.subscribe(queue, overheard)
  }
  // Its right to answer lets it write to return addresses, and not read them.
  await raw.subscribe('*.*', name => (name.startsWith('fleet.r2.') ? own() : overheard(name)))
  await trespass(thief)

  const desk = await join('desk')
  const sensors = await desk.subscribe(Sensor)
  expect(await desk.client(routeOf('r1'))({ x: 3 })).toEqual({ metres: 3 })
  expect(await (await desk.client(driveOf('r1'))({ x: 5 })).result).toEqual({ metres: 5 })
  await send(served, 'r1')
  expect((await sensors.next()).value).toEqual({ value: 7 })
  // Its own commands still reach it, also over that connection: that nothing else came is no accident.
  expect(await desk.client(routeOf('r2'))({ x: 4 })).toEqual({ metres: 4 })
  expect(own).toHaveBeenCalled()
  expect(overheard).not.toHaveBeenCalled()
  expect(served.state).toBe('running')
  await raw.close()
})

test('the ACL file on the security page lets a display watch sensors, and nothing else', async () => {
  const served = await robot('r1')
  const display = await join('display')
  const sensors = await display.subscribe(Sensor)
  const overheard = vi.fn()
  for (const pattern of ['thing.*', 'fleet.r1.drive.*', '*.*']) {
    await display.subscribe(
      topic(pattern),
      (_, context) => context.topic.includes('.sensors.') || overheard(context.topic),
    )
  }
  await trespass(display)
  const desk = await join('desk')
  await (await desk.client(driveOf('r1'))({ x: 5 })).result
  // What the robot sends after the rest: the heartbeats and the goal's topics would have come before it.
  await send(served, 'r1')
  expect((await sensors.next()).value).toEqual({ value: 7 })
  expect(overheard).not.toHaveBeenCalled()
  expect(served.state).toBe('running')
})
