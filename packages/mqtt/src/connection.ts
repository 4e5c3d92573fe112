import {
  bodySize,
  CommlibError,
  type Frame,
  type LinkEvents,
  type PublishOptions,
  type PushOptions,
} from '@commlib/core/internal'
import type { IConnackPacket, MqttClient } from 'mqtt'
import { Arrivals, tooLarge } from './arrivals.ts'
import { Confirmations } from './confirmations.ts'
import { connectionLost, refused } from './errors.ts'
import { type Measures, measure, type Publish } from './packet.ts'
import type { PacketIds } from './packet-ids.ts'
import type { Received } from './reader.ts'
import { Subscriptions } from './subscriptions.ts'
import { TopicAliases } from './topic-aliases.ts'
import { Writer } from './writer.ts'

export interface EstablishOptions {
  /** Scheme, host and port, for error messages. */
  readonly target: string
  readonly version: 4 | 5
  readonly maxMessageBytes: number

  /** The broker keeps subscriptions and messages when the connection ends. */
  readonly durable: boolean
}

/** Milliseconds that saying goodbye may take. */
const CLOSE_TIMEOUT = 1000

const PLAIN = {}

/** One MQTT connection, from CONNACK to the end of its socket. */
export interface Connection {
  readonly version: 4 | 5
  readonly sessionPresent: boolean

  /** The broker knows `$share`; `undefined` where it does not tell. */
  readonly shares: boolean | undefined
  readonly subscriptions: Subscriptions

  /** Resolves when written, or confirmed if `reliable` or `mandatory`. */
  publish(topic: string, frame: Frame, how?: PublishOptions & PushOptions): Promise<void>
  close(): Promise<void>
}

/** A connection, and what its socket has for it. */
export interface Established {
  readonly connection: Connection
  receive(packet: Received): void

  /** A PUBACK has come. */
  confirm(id: number, reason: number): void

  /** The socket has closed. */
  lost(cause: Error | undefined): void
}

/** What a connection is once the broker has said yes. */
export function establish(
  client: MqttClient,
  connack: IConnackPacket,
  ids: PacketIds,
  options: EstablishOptions,
  events: LinkEvents,
): Established {
  const { target, version, maxMessageBytes } = options
  const server = connack.properties ?? {}
  const maxPacket = server.maximumPacketSize ?? Infinity
  const writer = new Writer(client.stream)
  const window = server.receiveMaximum ?? 65_535
  const { topicAliasMaximum = 0 } = server
  const measures: Measures = {
    version,
    aliases: topicAliasMaximum > 0 ? new TopicAliases(topicAliasMaximum) : undefined,
  }
  const confirmations = new Confirmations({ writer, measures, window, check, ids })
  let ended = false
  let closing: Promise<void> | undefined

  const subscriptions = new Subscriptions({
    // What a session has kept carries the identifiers of an earlier connection.
    identifiers: version === 5 && server.subscriptionIdentifiersAvailable !== false && !options.durable,
    onError: events.error,
    subscribe: async (filter, { qos, retained, identifier }) => {
      if (ended) throw connectionLost(target)
      arrivals.release()
      writer.flush()
      const properties = identifier === undefined ? {} : { properties: { subscriptionIdentifier: identifier } }
      return new Promise((resolve, reject) => {
        const asked = { qos, ...(version === 5 && { rh: retained ? 0 : 2 }), ...properties }
        client.subscribe(filter, asked, (error, _, packet) => {
          const granted = packet?.granted[0]
          if (typeof granted !== 'number') reject(connectionLost(target))
          else if (granted >= 0x80) reject(refused(`the broker refused the subscription to '${filter}'`, granted))
          else if (error !== null) reject(error)
          else resolve(granted === 0 ? 0 : 1)
        })
      })
    },
    unsubscribe: async filter => {
      if (ended || closing !== undefined || options.durable) return
      writer.flush()
      // A connection that ends takes its subscriptions with it.
      await new Promise<void>(resolve => client.unsubscribe(filter, () => resolve()))
    },
  })

  const arrivals = new Arrivals(
    {
      durable: options.durable,
      maxMessageBytes,
      deliver: (topic, frame, identifier) => subscriptions.deliver(topic, frame, identifier),
      acknowledge: id => writer.puback(id),
    },
    events,
  )

  function check(name: string, { size, retain, id }: Publish): void {
    if (size > maxPacket) {
      throw tooLarge(`the packet to '${name}'`, size, maxPacket, target)
    }
    // It would end the connection, and so again when the message is sent again.
    if (retain && server.retainAvailable === false) throw unsupported(`latched messages, such as to '${name}'`)
    if (id !== 0 && server.maximumQoS === 0) throw unsupported(`reliable messages, such as to '${name}'`)
  }

  function unsupported(what: string): CommlibError {
    return new CommlibError('UNSUPPORTED', `${target} does not support ${what}`)
  }

  function end(): void {
    if (ended) return
    ended = true
    writer.end()
    arrivals.end()
  }

  function lost(cause: Error | undefined): void {
    if (ended) return
    end()
    if (closing === undefined) events.lost(cause)
    confirmations.end(connectionLost(target))
  }

  async function close(): Promise<void> {
    if (ended) return
    arrivals.end()
    writer.flush()
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => client.end(true), CLOSE_TIMEOUT)
      client.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      client.end()
    })
  }

  const connection: Connection = {
    version,
    sessionPresent: connack.sessionPresent,
    shares: version === 5 ? server.sharedSubscriptionAvailable !== false : undefined,
    subscriptions,
    publish: (topic, frame, { latched: retain = false, reliable, mandatory = false, signal } = PLAIN) => {
      if (ended || closing !== undefined) return Promise.reject(connectionLost(target))
      const size = bodySize(frame)
      if (size > maxMessageBytes) {
        return Promise.reject(tooLarge(`the message to '${topic}'`, size, maxMessageBytes))
      }
      if (reliable || mandatory) return confirmations.publish(topic, frame, { retain, mandatory, signal })
      try {
        const packet = measure(topic, frame, measures, retain, 0)
        check(topic, packet)
        return writer.publish(packet)
      } catch (error) {
        return Promise.reject(error)
      }
    },
    close: () => (closing ??= close()),
  }
  return {
    connection,
    lost,
    receive: packet => arrivals.receive(packet),
    confirm: (id: number, reason: number) => confirmations.confirm(id, reason),
  }
}
