import { bodySize, CommlibError, type Frame, show } from '@commlib/core/internal'
import { toTopic } from './topic.ts'
import type { TopicAlias, TopicAliases } from './topic-aliases.ts'

const NON_ASCII = /[^\0-\x7f]/
const encoder = new TextEncoder()

/** Names of the grammar, which need neither a look nor another coding. */
const PLAIN = /^\w[\w.-]{0,1000}$/

/** What no topic that is published to may hold. mosquitto ends the connection of who sends it. */
const UNPUBLISHABLE = /[+#\p{Cc}\p{Cs}\ufdd0-\ufdef\ufffe\uffff]/u

/** Bytes of a text in a packet. */
const MAX_TEXT = 65_535

/** Throws `INVALID_TOPIC` for what would end the connection, or is the broker's own. */
function assertPublishable(topic: string, name: string): void {
  const why = topic === '' ? 'it is empty' : topic.startsWith('$') ? "names with $ are the broker's" : undefined
  if (why === undefined && !UNPUBLISHABLE.test(topic) && !name.includes('*')) return
  const wrong = why ?? 'it holds a wildcard, or what is no text'
  throw new CommlibError('INVALID_TOPIC', `cannot publish to ${show(name)}: ${wrong}`)
}

function assertTexts({ replyTo, correlationId, contentType, headers = [] }: Properties): void {
  for (const text of [replyTo, correlationId, contentType, ...headers])
    if (text !== undefined && text.length > MAX_TEXT) throw tooLong(text.length)
}

function tooLong(length: number): CommlibError {
  return new CommlibError('MESSAGE_TOO_LARGE', `a name, an id or a header has ${length} bytes; MQTT takes ${MAX_TEXT}`)
}

/** A PUBLISH, measured and ready to be written. */
export interface Publish {
  /** As {@link wireName} gives it; empty where its alias says it all. */
  readonly topic: string
  readonly alias: TopicAlias | undefined
  readonly frame: Frame
  readonly bodySize: number
  readonly retain: boolean

  /** 0: at most once, without a packet identifier. */
  readonly id: number
  readonly properties: Properties | undefined
  readonly propertiesLength: number

  /** What follows the fixed header. */
  readonly remaining: number

  /** The whole packet. */
  readonly size: number
}

interface Properties {
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  readonly contentType: string | undefined
  readonly expiry: number | undefined
  readonly headers: readonly string[] | undefined
}

/** The name of the user property that carries {@link Frame.contentEncoding}. */
export const CONTENT_ENCODING = 'content-encoding'

// What a body is when nothing is said: not worth 45 bytes a message, which three programs have to read.
export const JSON_CONTENT = { contentType: 'application/json', contentEncoding: 'utf8' } as const

/** Whether that is what it holds. */
export function isJson({ contentType, contentEncoding }: Frame): boolean {
  return contentType === JSON_CONTENT.contentType && contentEncoding === JSON_CONTENT.contentEncoding
}

/** One octet a character, so that a length is a byte count and writing needs no encoder. */
export function octets(text: string): string {
  if (!NON_ASCII.test(text)) return text
  // A text has no more bytes than fit into a packet: more would not fit onto the stack either.
  const bytes = encoder.encode(text)
  if (bytes.length > MAX_TEXT) throw tooLong(bytes.length)
  return String.fromCharCode(...bytes)
}

/**
 * A dotted name as octets. Its dots become slashes while it is written, since that costs nothing there; a dot that
 * stays one, in a foreign name, is a character that ends as 0x2e when it is cut to eight bits.
 */
function wireName(name: string): string {
  if (PLAIN.test(name)) return name
  assertPublishable(toTopic(name), name)
  const text = octets(name.includes('%') ? toTopic(name) : name)
  return name.includes('%') ? text.replaceAll('.', '\u012e') : text
}

/** What a connection's packets are measured by. */
export interface Measures {
  readonly version: 4 | 5

  /** Those of the connection. Packets have to be written in the order in which they are measured. */
  readonly aliases?: TopicAliases | undefined
}

/** Measures a PUBLISH. */
export function measure(
  name: string,
  frame: Frame,
  { version, aliases }: Measures,
  retain: boolean,
  id: number,
): Publish {
  const size = bodySize(frame)
  let topic = wireName(name)
  let properties: Properties | undefined
  let length = 0
  if (topic.length > MAX_TEXT) throw tooLong(topic.length)
  const alias = aliases?.of(topic)
  if (alias?.told) topic = ''
  let remaining = 2 + topic.length + size + (id === 0 ? 0 : 2)
  if (version === 5) {
    const { correlationId, expiry, headers } = frame
    const plain = isJson(frame)
    const contentType = plain ? undefined : frame.contentType
    const contentEncoding = plain ? undefined : frame.contentEncoding
    const replyTo = frame.replyTo === undefined ? undefined : wireName(frame.replyTo)
    if (
      replyTo !== undefined ||
      correlationId !== undefined ||
      contentType !== undefined ||
      expiry !== undefined ||
      headers !== undefined ||
      contentEncoding !== undefined
    ) {
      properties = {
        replyTo,
        correlationId: correlationId === undefined ? undefined : octets(correlationId),
        contentType: contentType === undefined ? undefined : octets(contentType),
        // Whole seconds: rounded up, since core counts the milliseconds itself.
        expiry: expiry === undefined ? undefined : Math.min(0xffffffff, Math.max(1, Math.ceil(expiry / 1000))),
        headers: headers === undefined && contentEncoding === undefined ? undefined : pairs(headers, contentEncoding),
      }
      if (properties.expiry !== undefined) length += 5
      if (properties.contentType !== undefined) length += 3 + properties.contentType.length
      if (replyTo !== undefined) length += 3 + replyTo.length
      if (properties.correlationId !== undefined) length += 3 + properties.correlationId.length
      if (properties.headers !== undefined) {
        for (let i = 0; i < properties.headers.length; i += 2) length += 1
        for (const text of properties.headers) length += 2 + text.length
      }
    }
    if (length > MAX_TEXT && properties !== undefined) assertTexts(properties)
    if (alias !== undefined) length += 3
    remaining += varintLength(length) + length
  }
  return {
    topic,
    alias,
    frame,
    bodySize: size,
    retain,
    id,
    properties,
    propertiesLength: version === 5 ? length : -1,
    remaining,
    size: 1 + varintLength(remaining) + remaining,
  }
}

/** Writes all of a packet but its body; returns where the body begins. */
export function writeHead(into: Uint8Array, start: number, packet: Publish): number {
  const { topic, alias, id, properties, propertiesLength } = packet
  let at = start
  into[at++] = 0x30 | (id === 0 ? 0 : 0x02) | (packet.retain ? 0x01 : 0)
  at = writeVarint(into, at, packet.remaining)
  at = writeName(into, at, topic)
  if (id !== 0) at = writeShort(into, at, id)
  if (propertiesLength < 0) return at
  at = writeVarint(into, at, propertiesLength)
  if (alias !== undefined) {
    into[at++] = 0x23
    at = writeShort(into, at, alias.number)
    alias.told = true
  }
  if (properties === undefined) return at
  const { expiry, contentType, replyTo, correlationId, headers } = properties
  if (expiry !== undefined) {
    into[at++] = 0x02
    at = writeShort(into, at, expiry >>> 16)
    at = writeShort(into, at, expiry & 0xffff)
  }
  if (contentType !== undefined) {
    into[at++] = 0x03
    at = writeText(into, at, contentType)
  }
  if (replyTo !== undefined) {
    into[at++] = 0x08
    at = writeName(into, at, replyTo)
  }
  if (correlationId !== undefined) {
    into[at++] = 0x09
    at = writeText(into, at, correlationId)
  }
  if (headers !== undefined) {
    for (let i = 0; i < headers.length; i++) {
      if (i % 2 === 0) into[at++] = 0x26
      at = writeText(into, at, headers[i] as string)
    }
  }
  return at
}

/** Writes a PUBACK that reports success. */
export function writePuback(into: Uint8Array, start: number, id: number): number {
  into[start] = 0x40
  into[start + 1] = 2
  return writeShort(into, start + 2, id)
}

function pairs(headers: Frame['headers'], contentEncoding: string | undefined): string[] {
  const list: string[] = []
  for (const key in headers) list.push(octets(key), octets(String(headers[key])))
  if (contentEncoding !== undefined) list.push(CONTENT_ENCODING, octets(contentEncoding))
  return list
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

function writeVarint(into: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

export function writeShort(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 8
  into[at + 1] = value & 0xff
  return at + 2
}

export function writeText(into: Uint8Array, start: number, text: string): number {
  let at = writeShort(into, start, text.length)
  for (let i = 0; i < text.length; i++) into[at++] = text.charCodeAt(i)
  return at
}

/** Dots become slashes on the way. */
function writeName(into: Uint8Array, start: number, name: string): number {
  let at = writeShort(into, start, name.length)
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    into[at++] = code === 0x2e ? 0x2f : code
  }
  return at
}
