import type { NetConnectOpts } from 'node:net'
import { CommlibError, type LinkEvents, lentReads, ReadRests, takeReads, toError } from '@commlib/core/internal'
// Its build for browsers has nothing but this export.
import mqttjs, { type IClientOptions, type MqttClient } from 'mqtt'
import { type Connection, type Established, type EstablishOptions, establish } from './connection.ts'
import { connackReason, connectionFailed, connectionLost, refused, VersionRefused } from './errors.ts'
import { keepaliveTimer } from './keepalive.ts'
import { PacketIds } from './packet-ids.ts'
import { Reader } from './reader.ts'

export interface OpenConnectionOptions extends EstablishOptions {
  /** What mqtt.js is given. */
  readonly client: IClientOptions
  readonly signal: AbortSignal
}

/** Opens one MQTT connection. Rejects with {@link VersionRefused} where another version may do. */
export function openConnection(options: OpenConnectionOptions, events: LinkEvents): Promise<Connection> {
  const { target, version, signal } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    let client: MqttClient
    let failure: unknown
    const ids = new PacketIds()
    try {
      client = mqttjs.connect({
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
    const reader = new Reader(version, {
      publish: received => live?.receive(received),
      puback: (id, reason) => live?.confirm(id, reason),
      others: packet => pass(packet),
    })
    let pass: (packet: Uint8Array) => void = () => {}
    readBefore(client, {
      read: (chunk, lent) => {
        try {
          reader.read(chunk, lent)
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
    let live: Established | undefined
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
      if (packet.cmd === 'connack' && (packet.returnCode ?? packet.reasonCode ?? 0) === 0) {
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
        reject(new VersionRefused(target, version))
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
  // In a browser, whose timers sleep with the page, a worker's are better.
  ...(typeof setImmediate === 'function' && { timerVariant: keepaliveTimer }),
} satisfies IClientOptions

/** Puts a reader between the socket and mqtt.js, which would pipe the one into the other. */
function readBefore(
  client: MqttClient,
  { read, onSink }: { read(chunk: Uint8Array, lent: boolean): void; onSink(write: (packet: Uint8Array) => void): void },
): void {
  // Private, for want of an option; tests with real brokers tell when it changes.
  const build = client['streamBuilder']
  client['streamBuilder'] = (...args: unknown[]) => {
    const stream = openSocket(client.options) ?? build(...args)
    const pipe = (sink: { write(packet: Uint8Array): unknown }) => {
      onSink(packet => sink.write(packet))
      const rests = new ReadRests(stream)
      takeReads(stream, (chunk, lent) => {
        read(chunk, lent)
        rests.read()
      })
      return sink
    }
    return Object.assign(stream, { pipe })
  }
}

/** As mqtt.js does itself for plain TCP, but for how it is read. */
function openSocket(options: IClientOptions) {
  const { protocol, hostname, host, port, path, servers, socksProxy } = options
  const plain = protocol === 'mqtt' && path === undefined && servers === undefined && socksProxy === undefined
  // Not imported: in a browser there is none.
  const net = plain ? globalThis.process?.getBuiltinModule?.('node:net') : undefined
  return net?.createConnection({ host: hostname ?? host, port, onread: lentReads } as NetConnectOpts)
}

function noDelay(stream: unknown): void {
  const { setNoDelay } = stream as { setNoDelay?: (on: boolean) => void }
  setNoDelay?.call(stream, true)
}
