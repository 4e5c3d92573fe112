import { CommlibError, type Frame, type LinkEvents } from '@commlib/core/internal'
import type { IConnackPacket, MqttClient } from 'mqtt'
import { Acknowledgements } from './acknowledgements.ts'
import { Confirmations } from './confirmations.ts'
import { connectionLost, refused } from './errors.ts'
import { measure, type Publish } from './packet.ts'
import type { PacketIds } from './packet-ids.ts'
import type { Received } from './reader.ts'
import { Subscriptions } from './subscriptions.ts'
import { fromTopic } from './topic.ts'
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

/** Milliseconds that a session's messages wait for somebody to listen. */
const UNHEARD = 5000

/** One MQTT connection, from CONNACK to the end of its socket. */
export interface Connection {
  readonly version: 4 | 5
  readonly sessionPresent: boolean

  /** The broker knows `$share`; `undefined` where it does not tell. */
  readonly shares: boolean | undefined
  readonly subscriptions: Subscriptions

  /** Resolves when written, or confirmed if `confirm`. */
  publish(
    topic: string,
    frame: Frame,
    how: { retain: boolean; confirm: boolean; mandatory: boolean; signal: AbortSignal | undefined },
  ): Promise<void>
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
  const acknowledgements = new Acknowledgements(id => writer.puback(id))
  const window = server.receiveMaximum ?? 65_535
  const confirmations = new Confirmations({ writer, version, window, check, ids })
  let ended = false
  let closing: Promise<void> | undefined

  const subscriptions = new Subscriptions({
    // What a session has kept carries the identifiers of an earlier connection.
    identifiers: version === 5 && server.subscriptionIdentifiersAvailable !== false && !options.durable,
    onError: events.error,
    subscribe: async (filter, { qos, retained, identifier }) => {
      if (ended) throw connectionLost(target)
      release()
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

  function check(name: string, { size, retain, id }: Publish): void {
    if (size > maxPacket) {
      const message = `the message to '${name}' makes a packet of ${size} bytes; ${target} takes ${maxPacket}`
      throw new CommlibError('MESSAGE_TOO_LARGE', message)
    }
    // It would end the connection, and so again when the message is sent again.
    if (retain && server.retainAvailable === false) throw unsupported(`latched messages, such as to '${name}'`)
    if (id !== 0 && server.maximumQoS === 0) throw unsupported(`reliable messages, such as to '${name}'`)
  }

  function unsupported(what: string): CommlibError {
    return new CommlibError('UNSUPPORTED', `${target} does not support ${what}`)
  }

  const unheard: Array<{ packet: Received; acknowledge: () => void }> = []
  // A session's messages come before its subscriptions.
  let hold = options.durable
  let holdTimer: ReturnType<typeof setTimeout> | undefined

  function receive(packet: Received): void {
    const { qos, id: messageId, frame } = packet
    if (frame.body.byteLength > maxMessageBytes) {
      const message = `a message on '${packet.topic}' has ${packet.frame.body.byteLength} bytes, more than maxMessageBytes (${maxMessageBytes})`
      events.error(new CommlibError('MESSAGE_TOO_LARGE', message))
      if (qos > 0) acknowledgements.now(messageId)
      return
    }
    const settled = subscriptions.deliver(packet.topic, frame, packet.identifier)
    if (qos === 0) return
    if (settled === undefined) acknowledgements.now(messageId)
    else if (settled === false) {
      if (hold) unheard.push({ packet, acknowledge: acknowledgements.expect(messageId) })
      else acknowledgements.now(messageId)
    } else void settled.catch(events.error).then(acknowledgements.expect(messageId))
  }

  /** Somebody new listens: offers it what nobody wanted yet. */
  function release(): void {
    for (const held of unheard.splice(0)) {
      const settled = subscriptions.deliver(held.packet.topic, held.packet.frame, undefined)
      if (settled === false) unheard.push(held)
      else if (settled === undefined) held.acknowledge()
      else void settled.catch(events.error).then(held.acknowledge)
    }
  }

  if (hold) {
    holdTimer = setTimeout(() => {
      hold = false
      if (unheard.length > 0) {
        const topics = [...new Set(unheard.map(({ packet }) => fromTopic(packet.topic)))].join(', ')
        events.status({
          type: 'messages-lost',
          count: unheard.length,
          reason: `the session holds messages nobody here subscribes to: ${topics}`,
        })
      }
      for (const { acknowledge } of unheard.splice(0)) acknowledge()
    }, UNHEARD)
  }

  function end(): void {
    if (ended) return
    ended = true
    clearTimeout(holdTimer)
    writer.end()
    acknowledgements.end()
  }

  function lost(cause: Error | undefined): void {
    if (ended) return
    end()
    if (closing === undefined) events.lost(cause)
    confirmations.end(connectionLost(target))
  }

  async function close(): Promise<void> {
    if (ended) return
    acknowledgements.end()
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
    publish: (topic, frame, { retain, confirm, mandatory, signal }) => {
      if (ended || closing !== undefined) return Promise.reject(connectionLost(target))
      if (frame.body.byteLength > maxMessageBytes) {
        const message = `the message to '${topic}' has ${frame.body.byteLength} bytes, more than maxMessageBytes (${maxMessageBytes})`
        return Promise.reject(new CommlibError('MESSAGE_TOO_LARGE', message))
      }
      if (confirm || mandatory) return confirmations.publish(topic, frame, { retain, mandatory, signal })
      try {
        const packet = measure(topic, frame, version, retain, 0)
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
    receive: (packet: Received) => {
      try {
        receive(packet)
      } catch (error) {
        events.error(error)
      }
    },
    confirm: (id: number, reason: number) => confirmations.confirm(id, reason),
  }
}
