import { amqp } from '@commlib/amqp'
import { bridge } from '@commlib/bridges'
import { action, createNode, rpc, type Transport, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { type Broker, startMosquitto, startRabbit, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CaseName } from '../src/cases/index.ts'
import { type Peer, startPeer } from '../src/peer.ts'
import { supportOf, supportOn } from '../src/support.ts'
import { ensureVenv } from '../src/venv.ts'
import { type BrokerName, type Version, wiresOn } from '../src/versions.ts'

const connect: Readonly<Record<BrokerName, (url: string) => Transport>> = { mqtt, redis, amqp }
const starting: Readonly<Record<BrokerName, () => Promise<Broker>>> = {
  mqtt: startMosquitto,
  redis: startRedis,
  amqp: startRabbit,
}
const brokers = new Map<BrokerName, Broker>()
beforeAll(async () => {
  await Promise.all(
    Object.entries(starting).map(async ([name, start]) => brokers.set(name as BrokerName, await start())),
  )
})
afterAll(() => Promise.all(Array.from(brokers.values(), broker => broker.close())))

/** A broker, and the commlib-py that is on it. */
interface Side {
  readonly on: BrokerName
  readonly version: Version
}

let count = 0

/** A peer on either side, the second with the patches that it needs there for the case, and our nodes between them. */
async function meet(from: Side, to: Side, needed?: CaseName) {
  const able = needed === undefined ? 'shipped' : supportOf(supportOn[to.on], needed, to.version)
  const patched = able === 'patched' || (typeof able === 'object' && 'patched' in able)
  const peers: Peer[] = []
  const start = async ({ on, version }: Side, patched = false) => {
    const peer = await startPeer({ version, transport: on, broker: brokerOn(on), patched })
    peers.push(peer)
    return peer
  }
  const errors: unknown[] = []
  const open = ({ on, version }: Side) =>
    createNode({
      transport: connect[on](brokerOn(on).url),
      wire: wiresOn(on, version)[0],
      heartbeat: false,
      onError: error => void errors.push(error),
    })
  const [here, there] = await Promise.all([start(from), start(to, patched)])
  const [source, sink] = await Promise.all([open(from), open(to)])
  const end = async () => {
    for (const peer of peers) peer.kill()
    await Promise.all([source.close(), sink.close()])
  }
  const name = `over${process.pid}x${++count}`
  return { here, there, source, sink, errors, name, far: `${name}.far`, [Symbol.asyncDispose]: end }
}

function brokerOn(name: BrokerName): Broker {
  const broker = brokers.get(name)
  if (broker === undefined) throw new Error(`no broker for ${name}`)
  return broker
}

type Way = readonly [title: string, from: Side, to: Side]

function ways(from: BrokerName, to: BrokerName, versions: readonly (readonly [Version, Version])[]): Way[] {
  return versions.map(([here, there]) => [
    `${here} on ${from} to ${there} on ${to}`,
    { on: from, version: here },
    { on: to, version: there },
  ])
}

const same = [
  ['0.13.2', '0.13.2'],
  ['0.11.5', '0.11.5'],
  ['0.6.3', '0.6.3'],
] as const

// Two versions that would not understand each other on one broker.
const mixed = [
  ['0.6.3', '0.13.2'],
  ['0.13.2', '0.6.3'],
] as const

describe.each([
  ...ways('redis', 'mqtt', [...same, ...mixed]),
  ...ways('mqtt', 'redis', same),
  ...ways('mqtt', 'amqp', [...same, ...mixed]),
])('commlib-py %s, through a bridge', (_, from, to) => {
  beforeAll(() => Promise.all([ensureVenv(from.version), ensureVenv(to.version)]).then(() => {}), 300_000)

  test.concurrent('is heard by a subscriber, typed and untyped', async () => {
    await using met = await meet(from, to)
    const { here, there, source, sink, errors, name, far } = met
    await there.do('subscribe', { topic: far })
    await there.do('subscribe', { topic: `${far}.pose`, typed: true })
    await bridge(source, sink, topic(name), { to: far })
    await bridge(source, sink, topic(`${name}.pose`), { to: `${far}.pose` })
    const message = { text: 'δ \u{1f916} "/"', list: [1, { deep: null }], x: 0.5, yes: true }
    await here.do('publish', { topic: name, messages: [message, { n: 2 }] })
    expect(await there.news('message')).toMatchObject({ topic: far, data: message })
    expect(await there.news('message')).toMatchObject({ topic: far, data: { n: 2 } })
    const pose = { name: 'arm', x: 1.5, count: 3 }
    await here.do('publish', { topic: `${name}.pose`, messages: [pose], typed: true })
    expect(await there.news('message')).toMatchObject({ topic: `${far}.pose`, data: pose })
    expect(errors).toEqual([])
  })

  test.concurrent('calls a service, typed and untyped', async () => {
    await using met = await meet(from, to, 'callToPython')
    const { here, there, source, sink, errors, name, far } = met
    await there.do('serve', { name: `${far}.add`, what: 'add' })
    await there.do('serve', { name: `${far}.echo`, what: 'echo' })
    for (const what of ['add', 'echo']) await bridge(source, sink, rpc(`${name}.${what}`), { to: `${far}.${what}` })
    expect(await here.do('call', { name: `${name}.add`, data: { a: 3, b: -7 }, typed: true })).toEqual({ c: -4 })
    const data = { text: 'δ \u{1f916} "/"', list: [1, { deep: null }], x: 0.5, yes: true }
    expect(await here.do('call', { name: `${name}.echo`, data })).toEqual(data)
    expect(errors).toEqual([])
  })

  test.concurrent('sends a goal, follows its feedback and gets its result', async () => {
    await using met = await meet(from, to, 'goalToPython')
    const { here, there, source, sink, errors, name, far } = met
    await there.do('serve_action', { name: far, what: 'count' })
    await bridge(source, sink, action(name), { to: far })
    await here.do('action_client', { name })
    expect(await here.do('send_goal', { name, goal: { target: 3 } })).toMatchObject({ status: 1 })
    expect(await here.news('feedback')).toMatchObject({ data: { at: 1 } })
    await there.do('go')
    expect(await here.news('feedback')).toMatchObject({ data: { at: 2 } })
    expect(await here.news('feedback')).toMatchObject({ data: { at: 3 } })
    expect(await here.news('reached')).toMatchObject({ data: { reached: 3 } })
    expect(await here.do('get_result', { name })).toEqual({ reached: 3 })
    expect(errors).toEqual([])
  })

  test.concurrent('cancels a goal, and gets the partial result', async () => {
    await using met = await meet(from, to, 'cancelToPython')
    const { here, there, source, sink, errors, name, far } = met
    await there.do('serve_action', { name: far, what: 'until_canceled' })
    await bridge(source, sink, action(name), { to: far })
    await here.do('action_client', { name })
    await here.do('send_goal', { name, goal: { target: 3 } })
    expect(await here.news('feedback')).toMatchObject({ data: { at: 1 } })
    await here.do('cancel_goal', { name })
    expect(await there.news('ended')).toMatchObject({ canceled: true })
    expect(await here.news('result')).toMatchObject({ data: { reached: 1 } })
    expect(here.pending('reached')).toEqual([])
    expect(errors).toEqual([])
  })
})

describe('commlib-py 0.13.2 on redis, through a bridge of a pattern', () => {
  test('is heard on MQTT beneath a namespace', async () => {
    await using met = await meet({ on: 'redis', version: '0.13.2' }, { on: 'mqtt', version: '0.13.2' })
    const { here, there, source, sink, errors, name } = met
    await there.do('psubscribe', { topic: `plant.${name}.*` })
    await bridge(source, sink, topic(`${name}.*`), { namespace: 'plant' })
    await here.do('mpublish', {
      messages: [
        [`${name}.one`, { n: 1 }],
        [`${name}.two`, { n: 2 }],
      ],
    })
    expect(await there.news('message')).toMatchObject({ data: { n: 1 } })
    expect(await there.news('message')).toMatchObject({ data: { n: 2 } })
    expect(errors).toEqual([])
  })
})
