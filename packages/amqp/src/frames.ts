import { CommlibError, type Frame } from '@commlib/core/internal'

/** The part of `Buffer` that frames are written with. */
export interface Target {
  readonly bytes: Buffer
}

const METHOD = 1
const HEADER = 2
const BODY = 3
const END = 0xce

/** A frame's type, channel and size, and the octet at its end. */
export const OVERHEAD = 8

/** Bytes of a header frame that are not texts, and more. */
const FIXED = 128

/** RabbitMQ takes a header frame of up to its `frame_max`; other clients have less room. */
const MAX_HEADERS = 64 * 1024

const MAX_SHORT = 255

const flags = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
} as const

/** A method frame `basic.publish`. */
export function publishMethod(channel: number, exchange: string, routingKey: string, mandatory: boolean): Buffer {
  const to = [Buffer.from(exchange), Buffer.from(routingKey)] as const
  const size = 4 + 2 + 1 + to[0].length + 1 + to[1].length + 1
  const frame = Buffer.alloc(OVERHEAD + size)
  let at = openFrame(frame, 0, METHOD, channel, size)
  at = frame.writeUInt32BE(0x003c0028, at)
  at += 2
  for (const name of to) {
    frame[at++] = name.length
    at += name.copy(frame, at)
  }
  frame[at++] = mandatory ? 1 : 0
  frame[at] = END
  return frame
}

export const ACK_SIZE = OVERHEAD + 13

/** Writes `basic.ack`; returns where it ends. */
export function writeAck(bytes: Buffer, at: number, channel: number, tag: number, multiple: boolean): number {
  at = openFrame(bytes, at, METHOD, channel, 13)
  at = bytes.writeUInt32BE(0x003c0050, at)
  at = bytes.writeUInt32BE(Math.floor(tag / 2 ** 32), at)
  at = bytes.writeUInt32BE(tag >>> 0, at)
  bytes[at++] = multiple ? 1 : 0
  bytes[at++] = END
  return at
}

/** No fewer bytes than the header frame takes. */
export function headerBound({ contentType, contentEncoding, correlationId, replyTo, headers }: Frame): number {
  let texts = 0
  if (contentType !== undefined) texts += contentType.length
  if (contentEncoding !== undefined) texts += contentEncoding.length
  if (correlationId !== undefined) texts += correlationId.length
  if (replyTo !== undefined) texts += replyTo.length
  if (headers !== undefined)
    for (const name of Object.keys(headers)) texts += 8 + name.length + (headers[name] ?? '').length
  return FIXED + 3 * texts
}

/** Writes the header frame; returns where it ends. Throws for what AMQP has no room for. */
export function writeHeader(
  bytes: Buffer,
  from: number,
  channel: number,
  frame: Frame,
  bodySize: number,
  persistent: boolean,
): number {
  const { contentType, contentEncoding, correlationId, replyTo, expiry, headers } = frame
  let at = from + 7
  at = bytes.writeUInt32BE(0x003c0000, at)
  at = bytes.writeUInt32BE(0, at)
  at = bytes.writeUInt32BE(bodySize, at)
  const flagsAt = at
  at += 2
  let present = 0
  if (contentType !== undefined) {
    present |= flags.contentType
    at = writeShort(bytes, at, contentType, 'contentType')
  }
  if (contentEncoding !== undefined) {
    present |= flags.contentEncoding
    at = writeShort(bytes, at, contentEncoding, 'contentEncoding')
  }
  if (headers !== undefined) {
    present |= flags.headers
    at = writeTable(bytes, at, headers)
  }
  if (persistent) {
    present |= flags.deliveryMode
    bytes[at++] = 2
  }
  if (correlationId !== undefined) {
    present |= flags.correlationId
    at = writeShort(bytes, at, correlationId, 'correlationId')
  }
  if (replyTo !== undefined) {
    present |= flags.replyTo
    at = writeShort(bytes, at, replyTo, 'replyTo')
  }
  if (expiry !== undefined) {
    present |= flags.expiration
    at = writeShort(bytes, at, String(Math.min(MAX_EXPIRY, Math.max(1, Math.ceil(expiry)))), 'expiry')
  }
  bytes.writeUInt16BE(present, flagsAt)
  openFrame(bytes, from, HEADER, channel, at - from - 7)
  bytes[at++] = END
  return at
}

/** What RabbitMQ takes as a time to live, in milliseconds. */
const MAX_EXPIRY = 2 ** 32 - 1

/** Writes the start of a body frame of this size; its body and {@link BODY_END} follow. */
export function openBody(bytes: Buffer, at: number, channel: number, size: number): number {
  return openFrame(bytes, at, BODY, channel, size)
}

export function closeBody(bytes: Buffer, at: number): number {
  bytes[at] = END
  return at + 1
}

function openFrame(bytes: Buffer, at: number, type: number, channel: number, size: number): number {
  bytes[at++] = type
  bytes[at++] = channel >>> 8
  bytes[at++] = channel
  return bytes.writeUInt32BE(size, at)
}

/** Longer texts are for the native encoder. */
const SHORT_TEXT = 48

function writeShort(bytes: Buffer, at: number, text: string, what: string): number {
  const { length } = text
  if (length <= SHORT_TEXT) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      bytes[at + 1 + i] = code
    }
    if (i === length) {
      bytes[at] = length
      return at + 1 + length
    }
  }
  const size = Buffer.byteLength(text)
  if (size > MAX_SHORT)
    throw new CommlibError('MESSAGE_TOO_LARGE', `${what} has ${size} bytes; AMQP takes ${MAX_SHORT}`)
  bytes[at] = size
  return at + 1 + bytes.write(text, at + 1)
}

function writeTable(bytes: Buffer, from: number, table: Readonly<Record<string, string>>): number {
  let at = from + 4
  for (const name of Object.keys(table)) {
    at = writeShort(bytes, at, name, `the header name ${name.slice(0, 20)}…`)
    bytes[at] = 0x53 // a long string
    const size = bytes.write(table[name] ?? '', at + 5)
    bytes.writeUInt32BE(size, at + 1)
    at += 5 + size
  }
  const size = at - from - 4
  if (size > MAX_HEADERS)
    throw new CommlibError('MESSAGE_TOO_LARGE', `the headers have ${size} bytes; AMQP takes ${MAX_HEADERS}`)
  bytes.writeUInt32BE(size, from)
  return at
}
