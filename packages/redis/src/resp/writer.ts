import { giveChunk, Turns, takeChunk } from '@commlib/core/internal'

/** What a command takes. */
export type Argument = string | number | Buffer | Prefixed | Encoded

/** Arguments that many commands have, one after the other. */
export interface Encoded {
  readonly args: readonly (string | number)[]

  /** As they are written. */
  readonly encoded: Buffer
}

/** Writes arguments once for many commands: a copy takes a tenth of what writing them does. */
export function encode(args: Encoded['args']): Encoded {
  const texts = args.map(arg => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`)
  return { args, encoded: Buffer.from(texts.join('')) }
}

/** Bytes with others before them, put together where they are written. */
export interface Prefixed {
  /** A character a byte. */
  readonly prefix: string
  readonly body: Uint8Array
}

/** The part of a socket that is written to. */
export interface Sink {
  write(chunk: Uint8Array): unknown

  /** Bytes that it holds. */
  readonly writableLength: number
}

/** In place of a chunk, while there is nothing to write. */
const NONE = Buffer.alloc(0)

/** A body from this size on is written as it is instead of being copied. */
const LARGE = 16 * 1024

/** Texts up to this length are written a character at a time: shorter than a call of the engine takes. */
const SHORT = 64

const CR = 0x0d
const LF = 0x0a
const DOLLAR = 0x24
const STAR = 0x2a
const ZERO = 0x30

/** The most that a length takes, with the byte before it and the end of the line. */
const LENGTH = 16

/**
 * Writes commands, those of one turn of the event loop with a single write: with TCP_NODELAY each write is a segment of
 * its own. Making a command takes ioredis 7 µs, in which it makes five objects; this takes one.
 */
export class Writer {
  readonly #sink: Sink
  #chunk: Buffer = NONE
  #from = 0
  #to = 0
  #ended = false
  readonly #turns = new Turns()

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Returns about how many bytes it takes. */
  command(name: string, args: readonly Argument[]): number {
    let size = LENGTH
    let count = 1
    for (const arg of args) count += isEncoded(arg) ? arg.args.length : 1
    this.#reserve(LENGTH)
    this.#length(STAR, count)
    size += this.#text(name)
    for (const arg of args) {
      if (typeof arg !== 'object') size += this.#text(typeof arg === 'string' ? arg : String(arg))
      else if (arg instanceof Uint8Array) size += this.#bytes(arg)
      else if (isEncoded(arg)) size += this.#copy(arg.encoded)
      else size += this.#bytes(arg.body, arg.prefix)
    }
    // When what is under way has ended, promises included: answers to what came in together leave together.
    if (this.#turns.add()) process.nextTick(this.#end)
    return size
  }

  /** Whether this turn has had one command, and will have no other, going by the last ones. */
  get alone(): boolean {
    return this.#turns.alone
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#to === this.#from || this.#ended) return
    this.#sink.write(this.#chunk.subarray(this.#from, this.#to))
    if (this.#sink.writableLength > 0) {
      this.#from = this.#to
      return
    }
    giveChunk(this.#chunk)
    this.#start(NONE)
  }

  /** The connection has ended: what was collected goes nowhere. */
  end(): void {
    this.#ended = true
  }

  readonly #end = (): void => {
    this.#turns.end()
    this.flush()
  }

  #text(text: string): number {
    if (text.length <= SHORT && this.#ascii(text)) return text.length + LENGTH
    const length = Buffer.byteLength(text)
    if (length >= LARGE) return this.#bytes(Buffer.from(text))
    this.#reserve(length + LENGTH + 2)
    this.#length(DOLLAR, length)
    this.#to += this.#chunk.write(text, this.#to)
    this.#lineEnd()
    return length + LENGTH
  }

  /** Whether it is, and so was written. */
  #ascii(text: string): boolean {
    // Once: the engine has as many kinds of texts as it takes to ask for it in a call each time.
    const { length } = text
    this.#reserve(length + LENGTH + 2)
    const start = this.#to
    this.#length(DOLLAR, length)
    const chunk = this.#chunk
    let to = this.#to
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) {
        this.#to = start
        return false
      }
      chunk[to++] = code
    }
    this.#to = to
    this.#lineEnd()
    return true
  }

  #copy(encoded: Buffer): number {
    this.#reserve(encoded.length)
    this.#chunk.set(encoded, this.#to)
    this.#to += encoded.length
    return encoded.length
  }

  #bytes(bytes: Uint8Array, prefix = ''): number {
    const length = prefix.length + bytes.length
    const large = bytes.length >= LARGE
    this.#reserve((large ? prefix.length : length) + LENGTH + 2)
    this.#length(DOLLAR, length)
    for (let i = 0; i < prefix.length; i++) this.#chunk[this.#to++] = prefix.charCodeAt(i)
    if (large) {
      this.flush()
      if (!this.#ended) this.#sink.write(bytes)
      this.#reserve(2)
    } else {
      this.#chunk.set(bytes, this.#to)
      this.#to += bytes.length
    }
    this.#lineEnd()
    return length + LENGTH
  }

  #length(first: number, length: number): void {
    const chunk = this.#chunk
    chunk[this.#to++] = first
    let digits = 1
    for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++
    for (let rest = length, at = this.#to + digits - 1; at >= this.#to; at--) {
      chunk[at] = ZERO + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    this.#to += digits
    this.#lineEnd()
  }

  #lineEnd(): void {
    this.#chunk[this.#to++] = CR
    this.#chunk[this.#to++] = LF
  }

  /** What was written belongs to the socket until it has left, so a full chunk is followed by a new one. */
  #reserve(size: number): void {
    if (this.#chunk.length - this.#to >= size) return
    this.flush()
    if (this.#chunk.length - this.#to >= size) return
    this.#start(takeChunk(size) as Buffer)
  }

  #start(chunk: Buffer): void {
    this.#chunk = chunk
    this.#from = 0
    this.#to = 0
  }
}

export function isEncoded(arg: Argument): arg is Encoded {
  return typeof arg === 'object' && !(arg instanceof Uint8Array) && 'encoded' in arg
}
