import { CommlibError, type Frame, type LinkEvents, toError } from '@commlib/core/internal'
import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { Acknowledgements } from './acknowledgements.ts'
import { Confirmations } from './confirmations.ts'
import { connackReason, connectionFailed, connectionLost, refused } from './errors.ts'
import { measure, type Publish } from './packet.ts'
import { PacketIds } from './packet-ids.ts'
import { Reader, type Received } from './reader.ts'
import { Subscriptions } from './subscriptions.ts'
import { fromTopic } from './topic.ts'
import { Writer } from './writer.ts'

export interface ConnectionOptions {
  /** Scheme, host and port, for error messages. */
  readonly target: string

  /** What mqtt.js is given. */
  readonly client: IClientOptions
  readonly version: 4 | 5
  readonly maxMessageBytes: number
  readonly signal: AbortSignal

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

/** The broker does not speak this version, or hangs up when it hears it. */
export class VersionRefused extends Error {}

export function openConnection(options: ConnectionOptions, events: LinkEvents): Promise<Connection> {
  const { target, version, signal } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    let client: MqttClient
    let failure: unknown
    const ids = new PacketIds()
    try {
      client = connect({
        ...options.client,
        ...OURS,
        protocolVersion: version,
        messageIdProvider: ids,
        manualConnect: true,
      })
    } catch (error) {
      return reject(
        new CommlibError('CONNECTION_FAILED', `cannot connect to ${target}: ${toError(error).message}`, {
          cause: error,
        }),
      )
    }
    const reader = new Reader(
      version,
      received => live?.receive(received),
      packet => pass(packet),
    )
    let pass: (packet: Uint8Array) => void = () => {}
    readBefore(client, {
      read: chunk => {
        try {
          reader.read(chunk)
        } catch (error) {
          failure = error
          client.end(true)
        }
      },
      onSink: write => {
        pass = write
      },
    })
    client.connect()
    noDelay(client.stream)
    let live: ReturnType<typeof establish> | undefined
    let reached = false
    const abort = () => {
      client.end(true)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    client.stream.on('connect', () => {
      reached = true
    })
    client.on('error', error => {
      failure = error
      // Not every error ends it, and after some, such as a packet that makes no sense, it would be deaf.
      if (live !== undefined) client.end(true)
    })
    client.on('disconnect', ({ reasonCode }) => {
      failure = refused(`${target} ended the connection`, reasonCode ?? 0)
    })
    // At CONNACK, not at 'connect': a session's messages follow in the same turn.
    client.on('packetreceive', packet => {
      if (packet.cmd === 'puback') live?.confirm(packet.messageId ?? 0, packet.reasonCode ?? 0)
      else if (packet.cmd === 'connack' && (packet.returnCode ?? packet.reasonCode ?? 0) === 0) {
        live = establish(client, packet, ids, options, events)
      }
    })
    client.on('connect', () => {
      signal.removeEventListener('abort', abort)
      if (live !== undefined) resolve(live.connection)
    })
    client.once('close', () => {
      signal.removeEventListener('abort', abort)
      if (live !== undefined) {
        live.lost(failure === undefined ? undefined : toError(failure))
        client.end(true)
        return reject(connectionLost(target)) // for one that ended in its first moment
      }
      const reason = connackReason(failure)
      if (reason === 0x84 || (failure === undefined && reached)) {
        reject(new VersionRefused(`${target} does not speak MQTT ${version === 5 ? '5' : '3.1.1'}, or hung up`))
      } else reject(connectionFailed(target, failure ?? 'it hung up'))
      client.end(true)
    })
  })
}

/** What we do ourselves, or must not be done. */
const OURS = {
  reconnectPeriod: 0,
  resubscribe: false,
  queueQoSZero: false,
  // The attempt is bounded by its signal.
  connectTimeout: 2 ** 31 - 1,
} satisfies IClientOptions

/** Puts a reader between the socket and mqtt.js, which would pipe the one into the other. */
function readBefore(
  client: MqttClient,
  { read, onSink }: { read(chunk: Uint8Array): void; onSink(write: (packet: Uint8Array) => void): void },
): void {
  // Private, for want of an option; tests with real brokers tell when it changes.
  const build = client['streamBuilder']
  client['streamBuilder'] = (...args: unknown[]) => {
    const stream = build(...args)
    const pipe = (sink: { write(packet: Uint8Array): unknown }) => {
      onSink(packet => sink.write(packet))
      stream.on('data', read)
      return sink
    }
    return Object.assign(stream, { pipe })
  }
}

function noDelay(stream: unknown): void {
  const { setNoDelay } = stream as { setNoDelay?: (on: boolean) => void }
  setNoDelay?.call(stream, true)
}

function establish(
  client: MqttClient,
  connack: IConnackPacket,
  ids: PacketIds,
  options: ConnectionOptions,
  events: LinkEvents,
) {
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
