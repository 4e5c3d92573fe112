import type { Frame } from '@commlib/core/internal'
import { type OpenSession, toTopic } from '@commlib/mqtt/internal'
import type { Settings } from './options.ts'

const encoder = new TextEncoder()

/** The user property that carries {@link Frame.contentEncoding}. */
export const CONTENT_ENCODING = 'content-encoding'

export type Bytes = readonly number[] | Uint8Array

/** Puts a packet together: its fixed header and these parts. */
export function packet(first: number, ...parts: readonly Bytes[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head = [first, ...varint(length)]
  return joined([head, ...parts], head.length + length)
}

/** @param length of all of them */
export function joined(parts: readonly Bytes[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export function short(value: number): number[] {
  return [value >>> 8, value & 0xff]
}

export function long(value: number): number[] {
  return [...short(value >>> 16), ...short(value & 0xffff)]
}

/** A length in front of text or bytes. */
export function sized(value: string | Uint8Array): number[] {
  const bytes = typeof value === 'string' ? encoder.encode(value) : value
  return [...short(bytes.length), ...bytes]
}

export function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** Properties with their length in front; 3.1.1 has none. */
export function properties(version: 4 | 5, list: readonly number[] = []): number[] {
  return version === 4 ? [] : [...varint(list.length), ...list]
}

/** A PUBLISH. @param id 0: at most once */
export function publishPacket(name: string, frame: Frame, version: 4 | 5, retain: boolean, id: number): Uint8Array {
  const { body, replyTo, correlationId, contentType, contentEncoding, expiry, headers } = frame
  const list: number[] = []
  if (version === 5) {
    // Whole seconds: rounded up, since core counts the milliseconds itself.
    if (expiry !== undefined) list.push(2, ...long(Math.min(0xffffffff, Math.max(1, Math.ceil(expiry / 1000)))))
    if (contentType !== undefined) list.push(3, ...sized(contentType))
    if (replyTo !== undefined) list.push(8, ...sized(toTopic(replyTo)))
    if (correlationId !== undefined) list.push(9, ...sized(correlationId))
    const pairs = Object.entries(headers ?? {})
    if (contentEncoding !== undefined) pairs.push([CONTENT_ENCODING, contentEncoding])
    for (const [key, value] of pairs) list.push(38, ...sized(key), ...sized(String(value)))
  }
  const first = 0x30 | (id > 0 ? 2 : 0) | (retain ? 1 : 0)
  return packet(first, sized(toTopic(name)), id > 0 ? short(id) : [], properties(version, list), body)
}

/** A CONNECT. */
export function connectPacket(
  settings: Settings,
  { version, clientId, durable, will: withWill }: OpenSession,
): Uint8Array {
  const { username, password, keepalive, receiveMaximum, maxMessageBytes, sessionExpiry } = settings
  const will = withWill ? settings.will : undefined
  const flags =
    (durable ? 0 : 2) |
    (will === undefined ? 0 : 4 | (will.reliable ? 8 : 0) | (will.latched ? 32 : 0)) |
    (password === undefined ? 0 : 64) |
    (username === undefined ? 0 : 128)
  // Room for what is not the body.
  const limits = [33, ...short(receiveMaximum), 39, ...long(maxMessageBytes + 2 ** 17)]
  return packet(
    0x10,
    sized('MQTT'),
    [version, flags],
    short(keepalive),
    properties(version, [17, ...long(durable ? sessionExpiry : 0), ...limits]),
    sized(clientId),
    ...(will === undefined ? [] : [properties(version), sized(toTopic(will.topic)), sized(will.payload)]),
    ...[username, password].flatMap(text => (text === undefined ? [] : [sized(text)])),
  )
}
