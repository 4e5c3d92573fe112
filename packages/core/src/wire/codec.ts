import { having, type Rule } from '../util/options.ts'

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

export const codecRule: Rule = /* @__PURE__ */ having('a codec: an object with encode and decode', 'encode', 'decode')

// Node's pooled buffers cost a tenth of what TextEncoder does for a small message.
const { Buffer } = globalThis
const encoder = new TextEncoder()
export const bytes = (text: string): Uint8Array => (Buffer === undefined ? encoder.encode(text) : Buffer.from(text))
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
    // No deeper than it is long, and most bodies are short.
    if (text.length > MAX_DEPTH && tooDeep(text)) throw new TypeError(`nested deeper than ${MAX_DEPTH}`)
    // As a field it would be harmless until somebody's code assigns it. Looked for in two ways that are quick.
    if ((text.includes('__proto__') || text.includes('\\u00')) && PROTO.test(text))
      throw new TypeError("the field '__proto__' is not allowed")
    return JSON.parse(text)
  },
}

/** Deeper values would exhaust the stack of whoever walks them. */
const MAX_DEPTH = 1000

/** `"__proto__"`, its letters escaped or not. */
const PROTO = /"(_|\\u005f){2}(p|\\u0070)(r|\\u0072)(o|\\u006f)(t|\\u0074)(o|\\u006f)(_|\\u005f){2}"/i

function tooDeep(text: string): boolean {
  // No deeper than what opens: splitting takes a tenth of the walk's time, and most bodies are done with then.
  let depth = 0
  if (text.split('[', MAX_DEPTH).length + text.split('{', MAX_DEPTH).length <= MAX_DEPTH) return false
  for (let i = 0; i < text.length && depth <= MAX_DEPTH; i++) {
    const code = text.charCodeAt(i)
    // A string, up to its closing quote.
    if (code === 0x22) while (++i < text.length && text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 1 : 0
    // [ and {, ] and }
    else if (code === 0x5b || code === 0x7b) depth++
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return depth > MAX_DEPTH
}
