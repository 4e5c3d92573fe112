import type { Frame } from '@commlib/core/internal'
import type { Argument } from './connection.ts'

/** A frame's properties in an entry of a stream, and in a latched hash, by their names there. */
const TEXTS = {
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  correlationId: 'correlation_id',
  replyTo: 'reply_to',
} as const

/** What most messages are is left out: two fields cost a tenth of what a message takes. */
const ORDINARY_CONTENT = { contentType: 'application/json', contentEncoding: 'utf8' } as const

const BODY = 'body'
const EXPIRES = 'expires'
const HEADER = 'header.'

const ALL_TEXTS = Object.keys(TEXTS) as (keyof typeof TEXTS)[]
const OTHER_TEXTS = ALL_TEXTS.filter(property => !(property in ORDINARY_CONTENT))

/** Names and values of the fields of a frame, the body's first. @param now the server's clock */
export function toFields(frame: Frame, body: Buffer, now: () => number): Argument[] {
  const fields: Argument[] = [BODY, body]
  const { contentType, contentEncoding, headers, expiry } = frame
  const ordinary = contentType === ORDINARY_CONTENT.contentType && contentEncoding === ORDINARY_CONTENT.contentEncoding
  for (const property of ordinary ? OTHER_TEXTS : ALL_TEXTS) {
    const value = frame[property]
    if (value !== undefined) fields.push(TEXTS[property], value)
  }
  if (expiry !== undefined) fields.push(EXPIRES, Math.round(now() + expiry))
  for (const key in headers) fields.push(HEADER + key, headers[key] as string)
  return fields
}

/**
 * The frame that fields hold; `'expired'` when it is over, and `undefined` where another program has written something
 * else.
 */
export function fromFields(
  fields: readonly Buffer[],
  now: () => number,
): (Frame & { readonly body: Buffer }) | 'expired' | undefined {
  const frame: Record<string, unknown> = {}
  const headers: Record<string, string> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i])
    const value = fields[i + 1] as Buffer
    const property = PROPERTIES.get(name)
    if (name === BODY) frame['body'] = value
    else if (property !== undefined) frame[property] = value.toString()
    else if (name === EXPIRES) {
      const expiry = Number(value) - now()
      if (expiry <= 0) return 'expired'
      if (!Number.isNaN(expiry)) frame['expiry'] = expiry
    } else if (name.startsWith(HEADER)) {
      // A name such as __proto__ is one like all others.
      Object.defineProperty(headers, name.slice(HEADER.length), { value: value.toString(), ...ORDINARY })
      frame['headers'] = headers
    }
  }
  if (frame['contentType'] === undefined && frame['contentEncoding'] === undefined) {
    Object.assign(frame, ORDINARY_CONTENT)
  }
  // Every property was made above, of the type it has in a frame.
  return frame['body'] === undefined ? undefined : (frame as unknown as Frame & { readonly body: Buffer })
}

const PROPERTIES = new Map<string, string>(Object.entries(TEXTS).map(([property, name]) => [name, property]))
const ORDINARY = { enumerable: true, configurable: true, writable: true }
