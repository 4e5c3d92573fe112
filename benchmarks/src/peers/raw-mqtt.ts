import { once } from 'node:events'
import mqtt, { type MqttClient } from 'mqtt'
import type { Value } from '../payload.ts'
import { namesOf, type Peer, patternOf, topicOf } from './peer.ts'

interface Request {
  readonly id: number
  readonly replyTo: string
  readonly data: Value
}

type Response = Pick<Request, 'id' | 'data'>

/** mqtt.js by itself, used as its README shows, with the JSON and the bookkeeping that an app would write. */
export function rawMqtt({ noDelay }: { readonly noDelay: boolean }): Peer {
  const { call, events } = namesOf(noDelay ? 'raw-nodelay' : 'raw')
  const callTopic = call.replaceAll('.', '/')
  const eventsBase = events.replaceAll('.', '/')

  async function open(url: string): Promise<MqttClient> {
    const client = await mqtt.connectAsync(url)
    if (noDelay) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
    return client
  }

  return {
    name: noDelay ? 'mqtt.js, noDelay' : 'mqtt.js',
    semantics: {
      rpc: { class: 'best-effort', about: 'QoS 0, one reply topic, correlation ids; no deadline, no validation' },
      events: { class: 'best-effort', about: 'QoS 0; no validation' },
      confirmed: { class: 'confirmed', about: 'QoS 1, PUBACK awaited; no validation' },
      acked: { class: 'acked', about: 'QoS 1 on both ways, PUBACK after the handler; no validation' },
    },

    serve: async (url, onValue) => {
      const client = await open(url)
      client.on('message', (_, message) => {
        const { id, replyTo, data } = JSON.parse(message.toString()) as Request
        onValue(data)
        client.publish(replyTo, JSON.stringify({ id, data } satisfies Response))
      })
      await client.subscribeAsync(callTopic)
    },

    caller: async url => {
      const client = await open(url)
      const replyTo = `replies/${process.pid}`
      const pending = new Map<number, (value: Value) => void>()
      let count = 0
      client.on('message', (_, message) => {
        const { id, data } = JSON.parse(message.toString()) as Response
        pending.get(id)?.(data)
        pending.delete(id)
      })
      await client.subscribeAsync(replyTo)
      return data =>
        new Promise(resolve => {
          const id = count++
          pending.set(id, resolve)
          client.publish(callTopic, JSON.stringify({ id, replyTo, data } satisfies Request))
        })
    },

    subscribe: async (url, onValue, row) => {
      const client = await open(url)
      client.on('message', (_, message) => onValue(JSON.parse(message.toString()) as Value))
      const filter = patternOf(eventsBase, row).replace('.*', '/+')
      await client.subscribeAsync(row.group ? `$share/bench/${filter}` : filter, { qos: row.deed === 'acked' ? 1 : 0 })
    },

    publisher: async (url, row) => {
      const client = await open(url)
      const topic = (index: number) => topicOf(eventsBase, row, index).replace('.', '/')
      if (row.deed !== 'events')
        return async (value, index) => void (await client.publishAsync(topic(index), JSON.stringify(value), { qos: 1 }))
      return (value, index) => {
        client.publish(topic(index), JSON.stringify(value))
        return client.stream.writableNeedDrain ? once(client.stream, 'drain').then(() => {}) : undefined
      }
    },
  }
}
