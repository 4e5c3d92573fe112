import { once } from 'node:events'
import mqtt, { type MqttClient } from 'mqtt'
import type { Reading } from '../payload.ts'
import { namesOf, type Peer } from './peer.ts'

interface Request {
  readonly id: number
  readonly replyTo: string
  readonly data: Reading
}

type Response = Pick<Request, 'id' | 'data'>

/** mqtt.js by itself, used as its README shows, with the JSON and the bookkeeping that an app would write. */
export function rawMqtt({ noDelay }: { readonly noDelay: boolean }): Peer {
  const { call, events } = namesOf(noDelay ? 'raw-nodelay' : 'raw')
  const callTopic = call.replaceAll('.', '/')
  const eventsTopic = events.replaceAll('.', '/')

  async function open(url: string): Promise<MqttClient> {
    const client = await mqtt.connectAsync(url)
    if (noDelay) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
    return client
  }

  return {
    name: noDelay ? 'mqtt.js, noDelay' : 'mqtt.js',
    semantics: {
      rpc: 'QoS 0, one reply topic, correlation ids; no deadline, no validation',
      events: 'QoS 0; no validation',
      confirmed: 'QoS 1, PUBACK awaited, to a QoS 0 subscriber; no validation',
    },

    serve: async (url, onReading) => {
      const client = await open(url)
      client.on('message', (_, message) => {
        const { id, replyTo, data } = JSON.parse(message.toString()) as Request
        onReading(data)
        client.publish(replyTo, JSON.stringify({ id, data } satisfies Response))
      })
      await client.subscribeAsync(callTopic)
    },

    caller: async url => {
      const client = await open(url)
      const replyTo = `replies/${process.pid}`
      const pending = new Map<number, (value: Reading) => void>()
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

    subscribe: async (url, onReading) => {
      const client = await open(url)
      client.on('message', (_, message) => onReading(JSON.parse(message.toString()) as Reading))
      await client.subscribeAsync(eventsTopic)
    },

    publisher: async (url, { confirmed }) => {
      const client = await open(url)
      if (confirmed)
        return async value => void (await client.publishAsync(eventsTopic, JSON.stringify(value), { qos: 1 }))
      return value => {
        client.publish(eventsTopic, JSON.stringify(value))
        return client.stream.writableNeedDrain ? once(client.stream, 'drain').then(() => {}) : undefined
      }
    },
  }
}
