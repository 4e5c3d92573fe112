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
    if (tooDeep(text)) throw new TypeError(`nested deeper than ${MAX_DEPTH}`)
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
  const { length } = text
  if (length <= MAX_DEPTH) return false
  let depth = 0
  for (let i = 0; i < length && depth <= MAX_DEPTH; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) i = endOfString(text, i)
    // [ and {, ] and }
    else if (code === 0x5b || code === 0x7b) depth++
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return depth > MAX_DEPTH
}

/** What is walked of a string, in characters, before its end is searched for. */
const SHORT = 64

/** Where the string that opens at `start` closes. A search takes a tenth of a walk's time, but for the short ones. */
function endOfString(text: string, start: number): number {
  const near = start + SHORT
  let at = start + 1
  for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(at)) {
    at += code === 0x5c ? 2 : 1
    if (at >= near) return searchEnd(text, at)
  }
  return at
}

function searchEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (end - slashes > start && text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}
