/** Turns message values into bytes and back. Both ends must use the same one. */
export interface Codec {
  /** MIME type, told to brokers whose wire has a place for it. */
  readonly contentType: string
  readonly contentEncoding: string

  /** Throws if the value cannot be sent. */
  encode(value: unknown): Uint8Array

  /** Throws if the bytes are not what it writes. */
  decode(body: Uint8Array): unknown
}

// Node's pooled buffers cost a tenth of what TextEncoder does for a small message.
const { Buffer } = globalThis
const encoder = new TextEncoder()
const bytes = (text: string): Uint8Array => (Buffer === undefined ? encoder.encode(text) : Buffer.from(text))
const decoder = new TextDecoder('utf-8', { fatal: true })

/** JSON text in UTF-8, the wire of every commlib-py version. */
export const json: Codec = {
  contentType: 'application/json',
  contentEncoding: 'utf8',
  encode: value => {
    const text = JSON.stringify(value)
    if (text === undefined) throw new TypeError(`${String(value)} is no JSON value`)
    return bytes(text)
  },
  decode: body => {
    const text = decoder.decode(body)
    // As a field it would be harmless until somebody's code assigns it.
    // Looked for without its quotes first: JSON is full of quotes, and each would be a place to look closer.
    if (text.includes('__proto__') && text.includes('"__proto__"'))
      throw new TypeError("the field '__proto__' is not allowed")
    return JSON.parse(text)
  },
}
