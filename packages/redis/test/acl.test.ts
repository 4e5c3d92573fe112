import { readFileSync } from 'node:fs'
import { action, createNode, type Node, rpc, topic } from '@commlib/core'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redis } from '../src/index.ts'
import { after, bytes, connect, eventually, raw } from './support.ts'

const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
const users = (/^```aclfile\n(.*?)^```/ms.exec(page)?.[1] ?? '').trim().split('\n')
const passwords = { r1: 'a', r2: 'b', desk: 'd' }

let broker: Broker
beforeAll(async () => {
  broker = await startRedis({ own: true })
  const { Redis } = await import('ioredis')
  const admin = new Redis(broker.url)
  for (const line of users) {
    const [, name = '', ...rules] = line.split(' ')
    await admin.acl('SETUSER', name, ...rules)
  }
  admin.disconnect()
})
afterAll(() => broker.close())

async function join(user: keyof typeof passwords, more: object = {}): Promise<Node & { readonly told: unknown[] }> {
  const told: unknown[] = []
  const note = (error: unknown) => void told.push(error)
  const transport = redis(broker.url, { username: user, password: passwords[user] })
  const onStatus = (status: { readonly type: string }) => {
    if (status.type !== 'connected') told.push(status)
  }
  const node = await createNode({ name: 'robot', transport, heartbeat: false, onError: note, onStatus, ...more })
  after(() => node.close())
  return Object.assign(node, { told })
}

const Sensor = topic<{ value: number }, 'fleet.{robot}.sensors.{sensor}'>('fleet.{robot}.sensors.{sensor}')
const Work = rpc<object, { goal: number }>('fleet.desk.work')
const denied = { code: 'NOT_AUTHORIZED' }

describe('the users in docs/security.md', () => {
  it.each(['r1', 'r2'] as const)('may do what the fleet needs, as %s', async name => {
    const [robot, desk] = [
      await join(name, { deviceId: name, control: true, heartbeat: { interval: 50 } }),
      await join('desk'),
    ]
    const [Route, Drive] = [
      rpc<object, object>(`fleet.${name}.route`),
      action<object, object, object>(`fleet.${name}.drive`),
    ]
    const heard: string[] = []
    await desk.subscribe(Sensor, ({ value }, { params }) => void heard.push(`${params.robot} ${value}`))
    await desk.subscribe(topic(`thing.${name}.robot.heartbeat`), () => void heard.push('beat'))
    await desk.subscribe(
      topic<{ value: number }>(`fleet.${name}.sensors.sonar`),
      ({ value }) => void heard.push(`durable ${value}`),
      {
        durable: 'desk',
      },
    )
    await robot.serve(Route, request => request)
    await robot.serve(Drive, async function* (goal) {
      yield { metres: 1 }
      return goal
    })
    await desk.serve(Work, () => ({ goal: 7 }))
    await robot.publisher(Sensor).publish({ value: 7 }, { params: { robot: name, sensor: 'sonar' }, reliable: true })
    expect(await desk.client(Route)({ to: 'dock' })).toEqual({ to: 'dock' })
    expect(await (await desk.client(Drive)({ to: 'dock' })).result).toEqual({ to: 'dock' })
    expect(await robot.client(Work)({})).toEqual({ goal: 7 })
    const aborted = robot.client(Work)({}, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(aborted).rejects.toThrow('enough')
    await eventually(() => expect(heard).toEqual(expect.arrayContaining([`${name} 7`, 'durable 7', 'beat'])))
    expect([...robot.told, ...desk.told]).toEqual([])
  })

  it('may not speak for, command or overhear another robot', async () => {
    const thief = await join('r2')
    const Route = rpc<object, object>('fleet.r1.route')
    await expect(thief.serve(Route, request => request)).rejects.toMatchObject(denied)
    await expect(thief.client(Route)({})).rejects.toMatchObject(denied)
    for (const name of ['fleet.r1.sensors.sonar', 'fleet.*', '*', 'thing.r1.robot.heartbeat', 'fleet.*.sensors.*']) {
      await expect(
        thief.subscribe(topic(name), () => {}),
        name,
      ).rejects.toMatchObject(denied)
    }
    for (const options of [{ reliable: true }, { latched: true }]) {
      const params = { robot: 'r1', sensor: 'sonar' }
      await expect(thief.publisher(Sensor).publish({ value: 1 }, { params, ...options })).rejects.toMatchObject(denied)
    }
    await thief.publisher(Sensor).publish({ value: 1 }, { params: { robot: 'r1', sensor: 'sonar' } })
    await eventually(() => expect(thief.told).toContainEqual(expect.objectContaining(denied)))
    // The desk's own queue: it may call there, and not take what others ask.
    const { transport } = await connect(broker.url, { username: 'r2', password: passwords.r2 })
    await transport.push('fleet.desk.work', { body: bytes('{}') })
    await expect(transport.pull('fleet.desk.work', () => {})).rejects.toMatchObject(denied)
  })

  it('may not look for the addresses that others are answered at', async () => {
    const client = raw(broker.url.replace('redis://', `redis://r2:${passwords.r2}@`))
    const commands = [
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['RANDOMKEY'],
      ['CLIENT', 'LIST'],
      ['MONITOR'],
      ['CONFIG', 'GET', '*'],
    ]
    for (const [command = '', ...args] of commands) {
      await expect(client.call(command, ...args), command).rejects.toThrow('NOPERM')
    }
  })
})
