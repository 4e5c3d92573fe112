import { CommlibError, type LinkEvents, raceSignal } from '@commlib/core/internal'
import {
  Arrivals,
  type Connection,
  connectionLost,
  type OpenSession,
  Subscriptions,
  tooLarge,
} from '@commlib/mqtt/internal'
import { createBatch } from './batch.ts'
import { refused } from './errors.ts'
import type { Settings } from './options.ts'
import { type Cursor, readPublish } from './read.ts'
import { Requests } from './requests.ts'
import type { Socket } from './socket.ts'
import { Window } from './window.ts'
import { packet, properties, publishPacket, short, sized, varint } from './write.ts'

/** Milliseconds that saying goodbye may take. */
const CLOSE_TIMEOUT = 1000

/** Bytes that may wait in the socket before a publisher has to. */
const HIGH_WATER = 2 ** 20

/** Messages that may wait for their PUBACK, far fewer than there are packet identifiers. */
const WINDOW = 1000

const PLAIN = {}

const NO_MATCHING_SUBSCRIBERS = 0x10

/** What the broker has said when it accepted the connection. */
export interface Connack {
  readonly sessionPresent: boolean

  /** Its properties, by MQTT's numbers. */
  readonly limits: Readonly<Record<number, number>>
}

/** A connection, and what its socket has for it. */
export interface Established {
  readonly connection: Connection

  /** Something has come, if only a part of a packet. */
  heard(): void

  /** @param first the packet's first byte */
  receive(first: number, cursor: Cursor): void

  /** The socket has closed. */
  lost(cause: Error | undefined): void
}

/** What a connection is once the broker has said yes. */
export function establish(
  socket: Socket,
  { sessionPresent, limits }: Connack,
  settings: Settings,
  { version, durable }: OpenSession,
  events: LinkEvents,
): Established {
  const { target, maxMessageBytes } = settings
  const requests = new Requests()
  const window = new Window(Math.min(WINDOW, limits[33] ?? WINDOW))
  const batch = createBatch(bytes => ended || socket.write(bytes))
  const keepalive = limits[19] ?? settings.keepalive
  const pinging = keepalive > 0 ? setInterval(ping, keepalive * 500) : undefined
  let ended = false
  let failure: Error | undefined
  let closing: Promise<void> | undefined
  let closed = () => {}
  // Three silences, since a busy process may be late to read the answer.
  let silent = 0

  function ping(): void {
    if (silent++ < 2) batch.add(packet(0xc0))
    else socket.destroy(new Error(`no sign of life from ${target}`))
  }

  async function ask(make: (id: number) => Uint8Array): Promise<number> {
    if (ended) throw connectionLost(target)
    return requests.ask(id => batch.add(make(id)))
  }

  const subscriptions = new Subscriptions({
    // What a session has kept carries the identifiers of an earlier connection.
    identifiers: version === 5 && limits[41] !== 0 && !durable,
    onError: events.error,
    subscribe: async (filter, { qos, retained, identifier }) => {
      arrivals.release()
      const known = properties(version, identifier === undefined ? [] : [11, ...varint(identifier)])
      const flags = qos | (version === 5 && !retained ? 32 : 0)
      const granted = await ask(id => packet(0x82, short(id), known, sized(filter), [flags]))
      if (granted > 2) throw refused(`the broker refused the subscription to '${filter}'`, granted)
      return granted === 0 ? 0 : 1
    },
    unsubscribe: async filter => {
      if (ended || closing !== undefined || durable) return
      // A connection that ends takes its subscriptions with it.
      await ask(id => packet(0xa2, short(id), properties(version), sized(filter))).catch(() => {})
    },
  })

  const arrivals = new Arrivals(
    {
      durable,
      maxMessageBytes,
      deliver: (topic, frame, identifier) => subscriptions.deliver(topic, frame, identifier),
      acknowledge: id => batch.add(packet(0x40, short(id))),
    },
    events,
  )

  function receive(first: number, cursor: Cursor): void {
    switch (first >> 4) {
      case 3:
        arrivals.receive(readPublish(first, cursor, version))
        break
      case 4:
        requests.answer(cursor.number(2), cursor.rest()[0] ?? 0)
        break
      case 9:
      case 11: {
        const id = cursor.number(2)
        cursor.properties(version)
        requests.answer(id, cursor.rest()[0] ?? 0)
        break
      }
      case 14:
        failure = refused(`${target} ended the connection`, cursor.rest()[0] ?? 0)
        socket.end()
    }
  }

  const publish: Connection['publish'] = async (
    topic,
    frame,
    { latched: retain = false, reliable, mandatory, signal } = PLAIN,
  ) => {
    if (ended || closing !== undefined) throw connectionLost(target)
    if (frame.body.length > maxMessageBytes) {
      throw tooLarge(`the message to '${topic}'`, frame.body.length, maxMessageBytes)
    }
    const make = (id: number) => {
      const bytes = publishPacket(topic, frame, version, retain, id)
      // Each would end the connection, and so again when the message is sent again.
      const most = limits[39] ?? Infinity
      if (bytes.length > most) throw tooLarge(`the packet to '${topic}'`, bytes.length, most, target)
      if ((retain && limits[37] === 0) || (id > 0 && limits[36] === 0)) {
        throw new CommlibError('UNSUPPORTED', `${target} takes no ${retain ? 'latched' : 'reliable'} messages`)
      }
      return bytes
    }
    if (!reliable && !mandatory) {
      batch.add(make(0))
      while (!ended && batch.size + socket.pending() > HIGH_WATER) await new Promise(resolve => setTimeout(resolve, 5))
      return
    }
    await window.enter(signal)
    const reason = await raceSignal(
      ask(make).finally(() => window.leave()),
      signal,
    )
    if (reason > 127) throw refused(`the broker did not take the message to '${topic}'`, reason)
    if (reason === NO_MATCHING_SUBSCRIBERS && mandatory)
      throw new CommlibError('NO_SERVICE', `nobody serves '${topic}'`)
  }

  async function close(): Promise<void> {
    if (ended) return
    arrivals.end()
    batch.add(packet(0xe0))
    batch.flush()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT)
    await new Promise<void>(resolve => (closed = resolve))
    clearTimeout(timer)
  }

  return {
    connection: {
      version,
      sessionPresent,
      shares: version === 5 ? limits[42] !== 0 : undefined,
      subscriptions,
      publish,
      close: () => (closing ??= close()),
    },
    heard: () => {
      silent = 0
    },
    receive,
    lost: cause => {
      ended = true
      clearInterval(pinging)
      arrivals.end()
      closed()
      if (closing === undefined) events.lost(failure ?? cause)
      requests.end(connectionLost(target))
      window.end()
    },
  }
}
