import { type Frame, Pieces } from '@commlib/core/internal'
import { CONTENT_ENCODING } from './packet.ts'
import { fromTopic } from './topic.ts'

const NodeBuffer: typeof Buffer | undefined = globalThis.Buffer
const decoder = new TextDecoder()

/** A PUBLISH as it came. */
export interface Received {
  /** As MQTT has it. */
  readonly topic: string
  readonly qos: number

  /** The packet's; 0 at QoS 0. */
  readonly id: number
  readonly frame: Frame

  /** Of the subscriptions that it came for. */
  readonly identifier: number | readonly number[] | undefined
}

export interface ReaderEvents {
  /** A message that came at QoS 0 or 1. */
  publish(received: Received): void
  puback(id: number, reason: number): void

  /** Any other packet. */
  others(packet: Uint8Array): void
}

const PUBLISH = 3
const PUBACK = 4
const QOS = 0x06
const AT_LEAST_ONCE = 0x02

/**
 * Splits a stream into packets. Messages and their acknowledgements are read here; what else there is goes on to
 * mqtt.js as it is. Its own
 * parser copies every packet and takes a tick for each.
 */
export class Reader {
  readonly #version: 4 | 5
  readonly #onPublish: (received: Received) => void
  readonly #onPuback: (id: number, reason: number) => void
  readonly #pass: (packet: Uint8Array) => void
  readonly #pieces = new Pieces((bytes, lent) => this.#readAll(bytes, lent))

  constructor(version: 4 | 5, { publish, puback, others }: ReaderEvents) {
    this.#version = version
    this.#onPublish = publish
    this.#onPuback = puback
    this.#pass = others
  }

  /**
   * Throws when it makes no sense, after which nothing does.
   *
   * @param lent the chunk is written over afterwards
   */
  read(chunk: Uint8Array, lent = false): void {
    this.#pieces.read(chunk, lent)
  }

  #readAll(chunk: Uint8Array, lent: boolean): void {
    let bytes = chunk
    let at = 0
    const end = bytes.length
    while (at < end) {
      // One byte of flags, and the length of what follows in one to four.
      let start = at + 1
      let length = 0
      let shift = 0
      let complete = false
      while (start < end && !complete) {
        if (shift === 28) throw new Error('a packet whose length has five bytes')
        const byte = bytes[start++] as number
        length |= (byte & 0x7f) << shift
        shift += 7
        complete = byte < 0x80
      }
      if (!complete || start + length > end) {
        this.#pieces.keep(bytes.subarray(at), complete ? start + length - at : end - at + 1)
        return
      }
      const first = bytes[at] as number
      const kind = first >> 4
      if (kind === PUBACK && length >= 2) {
        this.#onPuback(short(bytes, start), length > 2 ? (bytes[start + 2] as number) : 0)
      } else {
        // What is handed over is kept.
        if (lent && NodeBuffer !== undefined) bytes = NodeBuffer.from(bytes)
        lent = false
        if (kind === PUBLISH && (first & QOS) <= AT_LEAST_ONCE) this.#publish(bytes, first, start, start + length)
        else this.#pass(bytes.subarray(at, start + length))
      }
      at = start + length
    }
  }

  #publish(bytes: Uint8Array, first: number, start: number, end: number): void {
    let at = start + 2
    const topicEnd = at + short(bytes, start)
    const topic = text(bytes, at, topicEnd)
    at = topicEnd
    const qos = ((first >> 1) & 3) as 0 | 1
    let id = 0
    if (qos > 0) {
      id = short(bytes, at)
      at += 2
    }
    let replyTo: string | undefined
    let correlationId: string | undefined
    let contentType: string | undefined
    let contentEncoding: string | undefined
    let expiry: number | undefined
    let headers: Record<string, string> | undefined
    let identifier: number | number[] | undefined
    if (this.#version === 5) {
      let length = 0
      let shift = 0
      let byte: number
      do {
        byte = bytes[at++] as number
        length |= (byte & 0x7f) << shift
        shift += 7
      } while (byte >= 0x80 && shift < 28)
      const propertiesEnd = at + length
      while (at < propertiesEnd) {
        const property = bytes[at++]
        switch (property) {
          case 0x01:
            at += 1
            break
          case 0x02:
            expiry = (short(bytes, at) * 0x10000 + short(bytes, at + 2)) * 1000
            at += 4
            break
          case 0x03: {
            const to = at + 2 + short(bytes, at)
            contentType = text(bytes, at + 2, to)
            at = to
            break
          }
          case 0x08: {
            const to = at + 2 + short(bytes, at)
            replyTo = fromTopic(text(bytes, at + 2, to))
            at = to
            break
          }
          case 0x09: {
            const to = at + 2 + short(bytes, at)
            correlationId = text(bytes, at + 2, to)
            at = to
            break
          }
          case 0x0b: {
            let value = 0
            let bits = 0
            do {
              byte = bytes[at++] as number
              value |= (byte & 0x7f) << bits
              bits += 7
            } while (byte >= 0x80 && bits < 28)
            if (identifier === undefined) identifier = value
            else if (typeof identifier === 'number') identifier = [identifier, value]
            else identifier.push(value)
            break
          }
          case 0x23:
            at += 2
            break
          case 0x26: {
            const keyEnd = at + 2 + short(bytes, at)
            const key = text(bytes, at + 2, keyEnd)
            const valueEnd = keyEnd + 2 + short(bytes, keyEnd)
            const value = text(bytes, keyEnd + 2, valueEnd)
            if (key === CONTENT_ENCODING) contentEncoding = value
            else {
              headers ??= {}
              headers[key] = value
            }
            at = valueEnd
            break
          }
          default:
            throw new Error(`property 0x${property?.toString(16)} in a PUBLISH`)
        }
      }
      at = propertiesEnd
    }
    if (at > end) throw new Error('a PUBLISH that is shorter than it says')
    const latched = (first & 1) === 1 ? true : undefined
    const frame = {
      body: bytes.subarray(at, end),
      replyTo,
      correlationId,
      contentType,
      contentEncoding,
      expiry,
      latched,
      headers,
    }
    this.#onPublish({ topic, qos, id, frame, identifier })
  }
}

export function short(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export function text(bytes: Uint8Array, from: number, to: number): string {
  if (to > bytes.length) throw new Error('a text that is longer than its packet')
  // Node's own is several times faster on short texts.
  return NodeBuffer === undefined
    ? decoder.decode(bytes.subarray(from, to))
    : NodeBuffer.prototype.toString.call(bytes, 'utf8', from, to)
}
