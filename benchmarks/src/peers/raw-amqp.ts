import { once } from 'node:events'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import type { Value } from '../payload.ts'
import { namesOf, type Peer, patternOf, topicOf } from './peer.ts'

const EXCHANGE = 'amq.topic'
const REPLIES = 'amq.rabbitmq.reply-to'

/** amqplib by itself, used as its README and RabbitMQ's tutorials show; RPC with direct reply-to. */
export function rawAmqp({ noDelay }: { readonly noDelay: boolean }): Peer {
  const { call, events } = namesOf(noDelay ? 'raw-nodelay' : 'raw')

  const open = (url: string): Promise<ChannelModel> => connect(url, { noDelay })
  const encode = (value: Value) => Buffer.from(JSON.stringify(value))
  const decode = (content: Buffer) => JSON.parse(content.toString()) as Value

  return {
    name: noDelay ? 'amqplib, noDelay' : 'amqplib',
    semantics: {
      rpc: {
        class: 'best-effort',
        about: 'direct reply-to, request acknowledged after the handler; no deadline, no validation',
      },
      events: { class: 'best-effort', about: 'unconfirmed, no acknowledgement; no validation' },
      confirmed: { class: 'confirmed', about: 'publisher confirms, persistent; no validation' },
      acked: { class: 'acked', about: 'publisher confirms, persistent, acknowledged after the handler; no validation' },
    },

    serve: async (url, onValue) => {
      const channel = await (await open(url)).createChannel()
      await channel.assertQueue(call, { autoDelete: true })
      await channel.consume(call, message => {
        if (message === null) return
        const value = decode(message.content)
        onValue(value)
        const { replyTo, correlationId } = message.properties
        channel.sendToQueue(replyTo, encode(value), { correlationId })
        channel.ack(message)
      })
    },

    caller: async url => {
      const channel = await (await open(url)).createChannel()
      const pending = new Map<string, (value: Value) => void>()
      let count = 0
      await channel.consume(
        REPLIES,
        message => {
          if (message === null) return
          const id = message.properties.correlationId as string
          pending.get(id)?.(decode(message.content))
          pending.delete(id)
        },
        { noAck: true },
      )
      return value =>
        new Promise(resolve => {
          const correlationId = String(count++)
          pending.set(correlationId, resolve)
          channel.sendToQueue(call, encode(value), { correlationId, replyTo: REPLIES })
        })
    },

    subscribe: async (url, onValue, row) => {
      const channel = await (await open(url)).createChannel()
      const queue = row.group
        ? await channel.assertQueue(`${events}.bench`, { autoDelete: true })
        : await channel.assertQueue('', { exclusive: true })
      await channel.bindQueue(queue.queue, EXCHANGE, patternOf(events, row))
      const acked = row.deed === 'acked'
      await channel.consume(
        queue.queue,
        message => {
          if (message === null) return
          onValue(decode(message.content))
          if (acked) channel.ack(message)
        },
        { noAck: !acked },
      )
    },

    publisher: async (url, row) => {
      const connection = await open(url)
      if (row.deed === 'events') {
        const channel = await connection.createChannel()
        return (value, index) => {
          const room = channel.publish(EXCHANGE, topicOf(events, row, index), encode(value))
          return room ? undefined : drained(channel)
        }
      }
      const channel = await connection.createConfirmChannel()
      return value =>
        new Promise((resolve, reject) => {
          channel.publish(EXCHANGE, events, encode(value), { persistent: true }, error =>
            error === null ? resolve() : reject(error),
          )
        })
    },
  }
}

async function drained(channel: Channel): Promise<void> {
  await once(channel, 'drain')
}
