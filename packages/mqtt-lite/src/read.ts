import { fromTopic, type Received } from '@commlib/mqtt/internal'
import { CONTENT_ENCODING, joined } from './write.ts'

const decoder = new TextDecoder()

const malformed = () => new Error('what came is no packet of MQTT')

/** Takes a packet's values off, one after the other. */
export class Cursor {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw malformed()
    return byte
  }

  /** Whatever is left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** A number of so many bytes. */
  number(size: number): number {
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.byte()
    return value
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 128) return value
      if (factor > 2 ** 20) throw malformed()
    }
  }

  text(): string {
    const length = this.number(2)
    const bytes = this.#bytes.subarray(this.#at, (this.#at += length))
    if (bytes.length < length) throw malformed()
    return decoder.decode(bytes)
  }

  /** Properties by their number. */
  properties(version: 4 | 5): Properties {
    const found: Properties = { numbers: {}, texts: {}, identifiers: [], headers: undefined }
    if (version === 4 || this.#at >= this.#bytes.length) return found
    const { numbers, texts, identifiers } = found
    // A variable of its own: `end` is counted from behind the length.
    const length = this.varint()
    const end = this.#at + length
    while (this.#at < end) {
      const id = this.byte()
      if (id === 11) identifiers.push(this.varint())
      else if (id === 38) {
        found.headers ??= {}
        const key = this.text()
        found.headers[key] = this.text()
      } else if (TEXTS.has(id)) texts[id] = this.text()
      else numbers[id] = this.number(SIZES[id] ?? 1)
    }
    return found
  }
}

export interface Properties {
  readonly numbers: Record<number, number>
  readonly texts: Record<number, string>
  readonly identifiers: number[]
  headers: Record<string, string> | undefined
}

const TEXTS = /* @__PURE__ */ new Set([3, 8, 9, 18, 21, 22, 26, 28, 31])
const SIZES: Readonly<Record<number, number>> = { 2: 4, 17: 4, 24: 4, 39: 4, 19: 2, 33: 2, 34: 2, 35: 2 }

/** Reads a PUBLISH behind its fixed header. */
export function readPublish(first: number, cursor: Cursor, version: 4 | 5): Received {
  const topic = cursor.text()
  const qos = (first >> 1) & 3
  const id = qos > 0 ? cursor.number(2) : 0
  const { numbers, texts, identifiers, headers } = cursor.properties(version)
  const { [CONTENT_ENCODING]: contentEncoding, ...others } = headers ?? {}
  const expiry = numbers[2]
  const frame = {
    body: cursor.rest(),
    replyTo: texts[8] === undefined ? undefined : fromTopic(texts[8]),
    correlationId: texts[9],
    contentType: texts[3],
    contentEncoding,
    expiry: expiry === undefined ? undefined : expiry * 1000,
    latched: first & 1 ? true : undefined,
    headers: headers && others,
  }
  return { topic, qos, id, frame, identifier: identifiers.length > 1 ? identifiers : identifiers[0] }
}

/** Splits a stream into packets. What it returns throws when the stream makes no sense. */
export function splitter(onPacket: (first: number, cursor: Cursor) => void): (chunk: Uint8Array) => void {
  let chunks: Uint8Array[] = []
  let length = 0
  let needed = 2
  return chunk => {
    chunks.push(chunk)
    length += chunk.length
    if (length < needed) return
    let bytes = chunks.length > 1 ? joined(chunks, length) : chunk
    for (;;) {
      // Behind one byte of flags, the length of what follows: up to four bytes of seven bits each.
      let body = 1
      let size = 0
      do size += ((bytes[body] as number) & 0x7f) * 128 ** (body - 1)
      while ((bytes[body++] as number) > 127 && body < 6)
      if (body > 5) throw malformed()
      needed = body + size
      if (bytes.length < needed) break
      onPacket(bytes[0] as number, new Cursor(bytes.subarray(body, needed)))
      bytes = bytes.subarray(needed)
    }
    chunks = [bytes]
    length = bytes.length
  }
}
