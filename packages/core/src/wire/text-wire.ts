import type { RemoteFailure } from '../errors.ts'
import type { Frame } from '../transport.ts'
import { bytes, encoder, json, parse } from './codec.ts'
import { type Request, type RequestMeta, Wire, type WireOptions } from './wire.ts'

/** Characters from which on a text is worth it. */
const LONG = 16_384

/** A text that its transport writes. */
export interface LongText {
  readonly text: string

  /** Bytes in UTF-8. */
  readonly size: number

  /** The quickest that gives these. */
  readonly encoding: 'latin1' | 'utf8'
}

/**
 * Leaves long texts to a transport that can write them: a socket takes them without memory of their own, which a body of
 * 64 KB spends a tenth of a call's time on. For transports that look at `text` before they look at `body`.
 */
export class TextWire extends Wire {
  readonly #encoder: Encoder | undefined

  constructor(options: WireOptions) {
    // In a browser, whose sockets take bytes alone, it is a wire as others are.
    const long = options.codec === json && globalThis.Buffer !== undefined ? new Encoder() : undefined
    super(long === undefined ? options : { ...options, codec: { ...json, encode: long.encode, decode } })
    this.#encoder = long
  }

  override message(data: unknown, headers?: Frame['headers']): Frame {
    return this.#written(super.message(data, headers))
  }

  override request(data: unknown, meta: RequestMeta): Frame {
    return this.#written(super.request(data, meta))
  }

  override response(data: unknown, request: Request): Frame {
    return this.#written(super.response(data, request))
  }

  override failure(error: RemoteFailure, request: Request): Frame {
    return this.#written(super.failure(error, request))
  }

  #written(frame: Frame): Frame {
    const text = this.#encoder?.take()
    return text === undefined ? frame : new TextFrame(frame, text)
  }
}

/** Encodes, but for long texts. */
class Encoder {
  #long: Encoded | undefined

  readonly encode = (value: unknown): Uint8Array => {
    this.#long = undefined
    const text = JSON.stringify(value)
    if (text === undefined) return json.encode(value)
    if (text.length < LONG) return bytes(text)
    this.#long = new Encoded(text)
    return this.#long as unknown as Uint8Array // its length is all that is looked at before it is a TextFrame's
  }

  /** The long text that was encoded last, once. */
  take(): LongText | undefined {
    const long = this.#long
    if (long !== undefined) this.#long = undefined
    return long
  }
}

class Encoded implements LongText {
  readonly text: string
  readonly size: number
  readonly encoding: 'latin1' | 'utf8'

  constructor(text: string) {
    this.text = text
    this.size = isAscii(text) ? text.length : Buffer.byteLength(text)
    this.encoding = text.length === this.size ? 'latin1' : 'utf8'
  }

  get length(): number {
    return this.size
  }
}

const scratch = /* @__PURE__ */ new Uint8Array(LONG)

/** Writes it to find out, which takes a fifth of the time that it takes to count its bytes. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += LONG) {
    const part = text.slice(at, at + LONG)
    const { read, written } = encoder.encodeInto(part, scratch)
    if (read < part.length || written > read) return false
  }
  return true
}

/** Bytes from which on Node lends V8 a text that it keeps elsewhere, in a third of a decoder's time. */
const LENT = 1_031_913

/** As that of {@link json}. */
function decode(body: Uint8Array): unknown {
  if (body.length < LENT) return json.decode(body)
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString()
  // A byte order mark is no part of the text, and what is in place of bytes that are no UTF-8 may be in it: rare, both.
  return text[0] === '\uFEFF' || text.includes('\uFFFD') ? json.decode(body) : parse(text)
}

/** A class, since each object that defines a getter gets a shape of its own, which lives until the next full collection. */
class TextFrame implements Frame {
  readonly text: LongText
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  readonly expiry: number | undefined
  readonly headers: Frame['headers']
  #body: Uint8Array | undefined

  constructor({ contentType, contentEncoding, replyTo, correlationId, expiry, headers }: Frame, text: LongText) {
    this.text = text
    this.contentType = contentType
    this.contentEncoding = contentEncoding
    this.replyTo = replyTo
    this.correlationId = correlationId
    this.expiry = expiry
    this.headers = headers
  }

  get body(): Uint8Array {
    this.#body ??= bytes(this.text.text)
    return this.#body
  }
}

/** Bytes of a frame's body. */
export function bodySize(frame: Frame): number {
  return frame.text?.size ?? frame.body.byteLength
}
