import { CommlibError, type LinkEvents, raceSignal, toError } from '@commlib/core/internal'
import {
  Acknowledgements,
  CODES,
  type Connection,
  fromTopic,
  type OpenSession,
  Subscriptions,
  toTopic,
  VersionRefused,
} from '@commlib/mqtt/internal'
import type { Settings } from './options.ts'
import { type Cursor, type Received, readPublish, splitter } from './read.ts'
import type { OpenSocket } from './socket.ts'
import { long, packet, properties, publishPacket, short, sized, varint } from './write.ts'

/** Milliseconds that saying goodbye may take. */
const CLOSE_TIMEOUT = 1000

/** Milliseconds that a session's messages wait for somebody to listen. */
const UNHEARD = 5000

/** Bytes that may wait in the socket before a publisher has to. */
const HIGH_WATER = 2 ** 20

/** Messages that may wait for their PUBACK, far fewer than there are packet identifiers. */
const WINDOW = 1000

/** Runs after the packets that came in together were handled, so that their answers leave together. */
const defer: (run: () => void) => void = globalThis.setImmediate ?? queueMicrotask

/** Opens one MQTT connection. Rejects with `VersionRefused` where another version may do. */
export function openConnection(
  openSocket: OpenSocket,
  settings: Settings,
  { version, clientId, durable, will: withWill, signal }: OpenSession,
  events: LinkEvents,
): Promise<Connection> {
  const { target, maxMessageBytes, username, password } = settings
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let live = false
    let ended = false
    let reached = false
    let closing: Promise<void> | undefined
    let closed = () => {}
    let failure: Error | undefined
    let server: Readonly<Record<number, number>> = {}

    const abort = () => {
      socket.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    const split = splitter(onPacket)
    const socket = openSocket(settings, {
      open: () => {
        reached = true
        connect()
      },
      data: chunk => {
        silent = 0
        try {
          split(chunk)
        } catch (error) {
          failure = toError(error)
          socket.destroy()
        }
      },
      close: error => {
        if (ended) return
        ended = true
        failure ??= error === undefined ? undefined : toError(error)
        signal.removeEventListener('abort', abort)
        clearInterval(pinging)
        clearTimeout(holding)
        acknowledgements.end()
        closed()
        if (!live) {
          const { message, code } = (failure ?? {}) as { message?: string; code?: string }
          const why = `cannot connect to ${target}: ${message || code || 'it hung up'}`
          if (failure === undefined && reached) reject(new VersionRefused(target, version))
          else if (failure instanceof CommlibError) reject(failure)
          else reject(new CommlibError('CONNECTION_FAILED', why, { cause: failure }))
        } else if (closing === undefined) events.lost(failure)
        const gone = lost()
        for (const asked of requests.values()) asked.reject(gone)
        for (const turn of waiting) turn()
        reject(gone) // for one that ended in its first moment
      },
    })

    function lost(): CommlibError {
      return new CommlibError('CONNECTION_LOST', `the connection to ${target} was lost`)
    }

    function refused(what: string, reason: number, fallback: CommlibError['code'] = 'CONNECTION_LOST'): CommlibError {
      return new CommlibError(CODES[reason] ?? fallback, `${what}: reason 0x${reason.toString(16)} of MQTT 5`)
    }

    // What is sent in one turn of the event loop leaves with a single write.
    let batch: Uint8Array[] = []
    let batched = 0

    function send(bytes: Uint8Array): void {
      batched += bytes.length
      if (batch.push(bytes) === 1) defer(flush)
    }

    function flush(): void {
      if (batched === 0) return
      let bytes = batch[0] as Uint8Array
      if (batch.length > 1) {
        bytes = new Uint8Array(batched)
        let at = 0
        for (const each of batch) {
          bytes.set(each, at)
          at += each.length
        }
      }
      batch = []
      batched = 0
      if (!ended) socket.write(bytes)
    }

    function connect(): void {
      const will = withWill ? settings.will : undefined
      const flags =
        (durable ? 0 : 2) |
        (will === undefined ? 0 : 4 | (will.reliable ? 8 : 0) | (will.latched ? 32 : 0)) |
        (password === undefined ? 0 : 64) |
        (username === undefined ? 0 : 128)
      // Room for what is not the body.
      const limits = [33, ...short(settings.receiveMaximum), 39, ...long(maxMessageBytes + 2 ** 17)]
      send(
        packet(
          0x10,
          sized('MQTT'),
          [version, flags],
          short(settings.keepalive),
          properties(version, [17, ...long(durable ? settings.sessionExpiry : 0), ...limits]),
          sized(clientId),
          ...(will === undefined ? [] : [properties(version), sized(toTopic(will.topic)), sized(will.payload)]),
          ...[username, password].flatMap(text => (text === undefined ? [] : [sized(text)])),
        ),
      )
      flush()
    }

    // Three silences, since a busy process may be late to read the answer.
    let silent = 0
    let pinging: ReturnType<typeof setInterval> | undefined

    function ping(): void {
      if (silent++ < 2) send(packet(0xc0))
      else socket.destroy(new Error(`no sign of life from ${target}`))
    }

    function onPacket(first: number, cursor: Cursor): void {
      const type = first >> 4
      if (type === 3) receive(readPublish(first, cursor, version))
      else if (type === 2) onConnack(cursor)
      else if (type === 4) answer(cursor.number(2), cursor.rest()[0] ?? 0)
      else if (type === 9 || type === 11) {
        const id = cursor.number(2)
        cursor.properties(version)
        answer(id, cursor.rest()[0] ?? 0)
      } else if (type === 14) {
        failure = refused(`${target} ended the connection`, cursor.rest()[0] ?? 0)
        socket.end()
      }
    }

    function onConnack(cursor: Cursor): void {
      const sessionPresent = cursor.byte() === 1
      const code = cursor.byte()
      // 3.1.1 counts its own.
      const reason = code < 6 ? ([0, 0x84, 0x85, 0x88, 0x86, 0x87][code] as number) : code
      if (reason > 0) {
        failure =
          reason === 0x84
            ? new VersionRefused(target, version)
            : refused(`${target} refused the connection`, reason, 'CONNECTION_FAILED')
        socket.destroy()
        return
      }
      server = cursor.properties(version).numbers
      live = true
      const keepalive = server[19] ?? settings.keepalive
      if (keepalive > 0) pinging = setInterval(ping, keepalive * 500)
      if (durable) holding = setTimeout(giveUp, UNHEARD)
      signal.removeEventListener('abort', abort)
      resolve({
        version,
        sessionPresent,
        shares: version === 5 ? server[42] !== 0 : undefined,
        subscriptions: createSubscriptions(),
        publish,
        close: () => (closing ??= close()),
      })
    }

    // What waits for an answer, by its packet identifier.
    const requests = new Map<number, { resolve(reason: number): void; reject(error: Error): void }>()
    let lastId = 0

    function request(make: (id: number) => Uint8Array): Promise<number> {
      return new Promise((resolve, reject) => {
        if (ended) throw lost()
        do lastId = (lastId % 65_535) + 1
        while (requests.has(lastId))
        const bytes = make(lastId)
        requests.set(lastId, { resolve, reject })
        send(bytes)
      })
    }

    function answer(id: number, reason: number): void {
      const asked = requests.get(id)
      requests.delete(id)
      asked?.resolve(reason)
    }

    let subscriptions: Subscriptions
    // What a session has kept carries the identifiers of an earlier connection.
    let identifiers = false

    function createSubscriptions(): Subscriptions {
      identifiers = version === 5 && server[41] !== 0 && !durable
      subscriptions = new Subscriptions({
        identifiers,
        onError: events.error,
        subscribe: async (filter, { qos, retained, identifier }) => {
          for (const [packet, acknowledge] of unheard.splice(0)) take(packet, acknowledge)
          const known = properties(version, identifier === undefined ? [] : [11, ...varint(identifier)])
          const flags = qos | (version === 5 && !retained ? 32 : 0)
          const granted = await request(id => packet(0x82, short(id), known, sized(filter), [flags]))
          if (granted > 2) throw refused(`the broker refused the subscription to '${filter}'`, granted)
          return granted === 0 ? 0 : 1
        },
        unsubscribe: async filter => {
          if (ended || closing !== undefined || durable) return
          // A connection that ends takes its subscriptions with it.
          await request(id => packet(0xa2, short(id), properties(version), sized(filter))).catch(() => {})
        },
      })
      return subscriptions
    }

    const acknowledgements = new Acknowledgements(id => send(packet(0x40, short(id))))
    const unheard: Array<[Received, () => void]> = []
    // A session's messages come before its subscriptions.
    let hold = durable
    let holding: ReturnType<typeof setTimeout> | undefined

    function receive(received: Received): void {
      const { topic, qos, id, frame } = received
      const acknowledge = qos > 0 ? acknowledgements.expect(id) : () => {}
      try {
        if (frame.body.length > maxMessageBytes) throw tooLarge(topic, frame.body.length)
        take(received, acknowledge)
      } catch (error) {
        events.error(error)
        acknowledge()
      }
    }

    function take(received: Received, acknowledge: () => void): void {
      const { topic, frame, identifier } = received
      const settled = subscriptions.deliver(topic, frame, identifiers ? identifier : undefined)
      if (settled === false && hold) unheard.push([received, acknowledge])
      else if (settled instanceof Promise) void settled.catch(events.error).then(acknowledge)
      else acknowledge()
    }

    function giveUp(): void {
      hold = false
      const topics = [...new Set(unheard.map(([{ topic }]) => fromTopic(topic)))].join(', ')
      const reason = `the session holds messages nobody here subscribes to: ${topics}`
      if (unheard.length > 0) events.status({ type: 'messages-lost', count: unheard.length, reason })
      for (const [, acknowledge] of unheard.splice(0)) acknowledge()
    }

    let inFlight = 0
    const waiting = new Set<() => void>()

    function next(): void {
      const [turn] = waiting
      if (turn === undefined) inFlight--
      else {
        waiting.delete(turn)
        turn()
      }
    }

    const publish: Connection['publish'] = async (topic, frame, { retain, confirm, mandatory, signal }) => {
      if (ended || closing !== undefined) throw lost()
      if (frame.body.length > maxMessageBytes) throw tooLarge(topic, frame.body.length)
      const make = (id: number) => {
        const bytes = publishPacket(topic, frame, version, retain, id)
        // Each would end the connection, and so again when the message is sent again.
        if (bytes.length > (server[39] ?? Infinity)) throw tooLarge(topic, bytes.length)
        if ((retain && server[37] === 0) || (id > 0 && server[36] === 0)) {
          throw new CommlibError('UNSUPPORTED', `${target} takes no ${retain ? 'latched' : 'reliable'} messages`)
        }
        return bytes
      }
      if (!confirm && !mandatory) {
        send(make(0))
        while (!ended && batched + socket.pending() > HIGH_WATER) await new Promise(resolve => setTimeout(resolve, 5))
        return
      }
      signal?.throwIfAborted()
      if (inFlight < Math.min(WINDOW, server[33] ?? WINDOW)) inFlight++
      else {
        let turn = () => {}
        const free = new Promise<void>(resolve => waiting.add((turn = resolve)))
        try {
          await raceSignal(free, signal)
        } catch (error) {
          if (!waiting.delete(turn)) next()
          throw error
        }
      }
      const reason = await raceSignal(request(make).finally(next), signal)
      if (reason > 127) throw refused(`the broker did not take the message to '${topic}'`, reason)
      if (reason === 16 && mandatory) throw new CommlibError('NO_SERVICE', `nobody serves '${topic}'`)
    }

    function tooLarge(topic: string, size: number): CommlibError {
      return new CommlibError('MESSAGE_TOO_LARGE', `${size} bytes are too many for a message on '${topic}'`)
    }

    function close(): Promise<void> {
      return new Promise(resolve => {
        if (ended) {
          resolve()
          return
        }
        acknowledgements.end()
        send(packet(0xe0))
        flush()
        socket.end()
        const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT)
        closed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  })
}
