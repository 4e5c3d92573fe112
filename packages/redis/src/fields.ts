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
export function toFields(frame: Frame, now: () => number): Argument[] {
  const fields: Argument[] = [BODY, { frame, prefix: '' }]
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
  let body: Buffer | undefined
  let expiry: number | undefined
  let headers: Record<string, string> | undefined
  const texts: { -readonly [Property in keyof typeof TEXTS]?: string } = {}
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] as Buffer).toString()
    const value = fields[i + 1] as Buffer
    if (name === BODY) body = value
    else if (name.startsWith(HEADER)) {
      headers ??= {}
      addHeader(headers, name.slice(HEADER.length), value.toString())
    } else if (name === EXPIRES) {
      const left = Number(value) - now()
      if (left <= 0) return 'expired'
      if (!Number.isNaN(left)) expiry = left
    } else {
      const property = PROPERTIES.get(name)
      if (property !== undefined) texts[property] = value.toString()
    }
  }
  if (body === undefined) return undefined
  const { correlationId, replyTo } = texts
  const ordinary = texts.contentType === undefined && texts.contentEncoding === undefined
  const { contentType, contentEncoding } = ordinary ? ORDINARY_CONTENT : texts
  return { body, contentType, contentEncoding, correlationId, replyTo, expiry, headers }
}

function addHeader(headers: Record<string, string>, name: string, value: string): void {
  // One like all others.
  if (name === '__proto__') Object.defineProperty(headers, name, { value, ...ORDINARY })
  else headers[name] = value
}

const PROPERTIES = new Map(ALL_TEXTS.map(property => [TEXTS[property] as string, property]))
const ORDINARY = { enumerable: true, configurable: true, writable: true }
