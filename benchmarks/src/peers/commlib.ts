import { action, createNode, type Node, rpc, type Transport, topic } from '@commlib/core'
import { Reading, Sized, type Value } from '../payload.ts'
import type { BrokerTransport, Row } from '../rows.ts'
import { namesOf, type Peer, patternOf, type Semantics, topicOf } from './peer.ts'

/**
 * commlib with its defaults: heartbeats, and TypeBox schemas checked at both ends, or none where that is to be
 * compared. One code for all transports.
 */
export async function commlib(transport: BrokerTransport, { checked = true } = {}): Promise<Peer> {
  const transportAt = await load(transport)
  const { call, events } = namesOf(checked ? 'commlib' : 'unchecked')
  const schemaOf = ({ size }: Row) => (size === undefined ? Reading : Sized)
  const Call = (row: Row) =>
    checked ? rpc(call, { request: schemaOf(row), response: schemaOf(row) }) : rpc<Reading, Reading>(call)
  const Goal = action(call, { goal: Reading, feedback: Reading, result: Reading })
  const Events = (row: Row, name: string = patternOf(events, row)) =>
    checked
      ? topic(name, schemaOf(row), {
          reliable: row.deed === 'confirmed' || row.deed === 'acked',
          batch: row.batch,
        })
      : topic<Reading>(name)

  async function open(url: string): Promise<Node> {
    return createNode({ transport: transportAt(url) })
  }

  return {
    name: checked ? 'commlib' : 'commlib, no schemas',
    semantics: SEMANTICS[transport],

    serve: async (url, onValue, row) => {
      const node = await open(url)
      if (row.deed === 'rpc') {
        await node.serve(Call(row), value => {
          onValue(value)
          return value
        })
        return
      }
      await node.serve(
        Goal,
        async function* (value) {
          onValue(value)
          for (let i = 0; i < 10; i++) yield value
          return value
        },
        { policy: 'parallel', limit: 1000 },
      )
    },

    caller: async (url, row) => {
      const node = await open(url)
      if (row.deed === 'rpc') {
        const call = node.client(Call(row))
        return value => call(value as Reading)
      }
      const send = node.client(Goal)
      return async value => {
        const goal = await send(value as Reading)
        let feedbacks = 0
        for await (const _ of goal) feedbacks++
        if (feedbacks !== 10) throw new Error(`${feedbacks} of 10 feedbacks came`)
        return goal.result
      }
    },

    subscribe: async (url, onValue, row) => {
      const node = await open(url)
      if (row.bridged) {
        const { bridge } = await import('@commlib/bridges') // no other process is to carry it
        await bridge(await open(url), await open(url), Events(row), { namespace: BRIDGED })
        await node.subscribe(Events(row, `${BRIDGED}.${events}`), (value: Value) => onValue(value))
        return
      }
      await node.subscribe(Events(row), (value: Value) => onValue(value), {
        // What is confirmed is heard at best effort, see the README.
        ...(row.deed === 'confirmed' ? { reliable: false } : {}),
        ...(row.group ? { group: 'bench' } : {}),
      })
    },

    publisher: async (url, row) => {
      const node = await open(url)
      const publisher = node.publisher(Events(row))
      if (row.topics === undefined) return value => publisher.publish(value as Reading)
      return (value, index) => publisher.publish(value as Reading, { topic: topicOf(events, row, index) })
    },
  }
}

const BRIDGED = 'bridged'

async function load(transport: BrokerTransport): Promise<(url: string) => Transport> {
  switch (transport) {
    case 'mqtt':
      return (await import('@commlib/mqtt')).mqtt
    case 'redis':
      return (await import('@commlib/redis')).redis
    case 'amqp':
      return (await import('@commlib/amqp')).amqp
    case 'nats':
      throw new Error('commlib has no transport for NATS')
  }
}

const checked = 'validated at both ends'
const rpcOn = (how: string): Semantics => ({
  class: 'best-effort',
  about: `${how}; deadline, cancellation, remote errors; ${checked}`,
})
const actions: Semantics = { class: 'best-effort', about: `every feedback and result awaited; ${checked}` }

const SEMANTICS: Readonly<Record<BrokerTransport, Peer['semantics']>> = {
  mqtt: {
    rpc: rpcOn('QoS 0'),
    actions,
    events: { class: 'best-effort', about: `QoS 0; ${checked}` },
    confirmed: { class: 'confirmed', about: `QoS 1, PUBACK awaited, 20 unconfirmed, as the broker asks; ${checked}` },
    acked: { class: 'acked', about: `QoS 1 on both ways, PUBACK after the handler; ${checked}` },
  },
  redis: {
    rpc: rpcOn('lists'),
    actions,
    events: { class: 'best-effort', about: `Pub/Sub; ${checked}` },
    confirmed: { class: 'confirmed', about: `in a stream of at most 100,000, and published; ${checked}` },
    acked: { class: 'acked', about: `a stream with a consumer group, XACK after the handler; ${checked}` },
  },
  amqp: {
    rpc: rpcOn('direct reply-to, request acknowledged after the handler'),
    actions,
    events: { class: 'best-effort', about: `unconfirmed, no acknowledgement; ${checked}` },
    confirmed: { class: 'confirmed', about: `publisher confirms, persistent; ${checked}` },
    acked: { class: 'acked', about: `publisher confirms, persistent, acknowledged after the handler; ${checked}` },
  },
  nats: {},
}
