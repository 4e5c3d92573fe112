import { Pieces } from '@commlib/core/internal'

/**
 * Redis' serialization protocol, as a client reads it: versions 2 and 3.
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

/** What the server refuses a command with. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/**
 * A value of an answer. Texts are bytes: what they mean, the command tells. Maps are lists of keys and values in turn, as
 * in version 2, and sets are lists.
 */
export type Value = Buffer | number | null | ReplyError | readonly Value[]

export interface ReaderEvents {
  /** The answer to the oldest command that has none yet. */
  reply(value: Value): void

  /** What the server says of itself, in version 3. */
  push(value: readonly Value[]): void
}

/** A list whose items are still to come. */
interface List {
  readonly items: Value[]
  left: number

  /** Attributes describe the value after them; nobody has asked for any. */
  readonly kind: 'value' | 'push' | 'attributes'
}

const CR = 0x0d
const MINUS = 0x2d
const ZERO = 0x30

/** The bytes that begin a value. */
const type = {
  list: 0x2a, // *
  map: 0x25, // %
  set: 0x7e, // ~
  push: 0x3e, // >
  attributes: 0x7c, // |
  text: 0x24, // $
  verbatim: 0x3d, // =
  failure: 0x21, // !
  error: 0x2d, // -
  line: 0x2b, // +
  double: 0x2c, // ,
  bigNumber: 0x28, // (
  integer: 0x3a, // :
  boolean: 0x23, // #
  nothing: 0x5f, // _
} as const

/** The longest line, about: a server's messages are short. */
const MAX_LINE = 64 * 1024

/**
 * Reads answers from what a socket brings, in whatever pieces. What ioredis' own reader does with an answer to a call is
 * a tenth of what the call costs; this one takes a third of that, most of it because it makes no object for a value.
 */
export class Reader {
  readonly #events: ReaderEvents

  /** The lists that are open, the innermost last. */
  readonly #open: List[] = []

  readonly #pieces = new Pieces<Buffer>((bytes, lent) => this.#readAll(bytes, lent))

  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  #lent = false

  constructor(events: ReaderEvents) {
    this.#events = events
  }

  /**
   * Throws at what is not this protocol.
   *
   * @param lent the chunk is written over afterwards
   */
  read(chunk: Buffer, lent = false): void {
    this.#pieces.read(chunk, lent)
  }

  #readAll(chunk: Buffer, lent: boolean): void {
    this.#chunk = chunk
    this.#at = 0
    this.#lent = lent
    while (this.#at < chunk.length) {
      const start = this.#at
      const need = this.#value()
      if (need === 0) continue
      this.#pieces.keep(chunk.subarray(start), need)
      return
    }
  }

  /** Reads one value, or the beginning of a list. Returns 0, or how many bytes from its start there have to be. */
  #value(): number {
    const chunk = this.#chunk
    const start = this.#at
    const end = chunk.indexOf(CR, start + 1)
    if (end === -1 || end + 1 >= chunk.length) {
      if (chunk.length - start > MAX_LINE) throw new Error('a line without end')
      // Checked as early as can be: what speaks another protocol may never end its line.
      known(chunk[start] as number)
      return chunk.length - start + 1
    }
    this.#at = end + 2
    switch (chunk[start]) {
      case type.integer:
        this.#add(this.#integer(start + 1, end))
        return 0
      case type.text:
      case type.verbatim:
      case type.failure: {
        const length = this.#integer(start + 1, end)
        if (length < 0) {
          this.#add(null)
          return 0
        }
        const from = this.#at
        if (from + length + 2 > chunk.length) return from + length + 2 - start
        this.#at = from + length + 2
        const text = this.#bytes(from, from + length)
        if (chunk[start] === type.text) this.#add(text)
        // A format of three letters and a colon.
        else if (chunk[start] === type.verbatim) this.#add(text.subarray(4))
        else this.#add(new ReplyError(text.toString()))
        return 0
      }
      case type.list:
      case type.set:
        this.#begin(this.#integer(start + 1, end), 'value')
        return 0
      case type.map:
        this.#begin(2 * this.#integer(start + 1, end), 'value')
        return 0
      case type.push:
        this.#begin(this.#integer(start + 1, end), 'push')
        return 0
      case type.attributes:
        this.#begin(2 * this.#integer(start + 1, end), 'attributes')
        return 0
      case type.line:
      case type.double:
      case type.bigNumber:
        this.#add(this.#bytes(start + 1, end))
        return 0
      case type.error:
        this.#add(new ReplyError(chunk.toString('utf8', start + 1, end)))
        return 0
      case type.boolean:
        this.#add(chunk[start + 1] === 0x74 ? 1 : 0)
        return 0
      case type.nothing:
        this.#add(null)
        return 0
      default:
        known(chunk[start] as number)
        return 0
    }
  }

  /** Bytes that stay: those of what is lent are copied, all with the first. */
  #bytes(from: number, end: number): Buffer {
    if (this.#lent) {
      this.#chunk = Buffer.from(this.#chunk)
      this.#lent = false
    }
    return this.#chunk.subarray(from, end)
  }

  #integer(from: number, end: number): number {
    const chunk = this.#chunk
    const negative = chunk[from] === MINUS
    let value = 0
    for (let i = negative || chunk[from] === 0x2b ? from + 1 : from; i < end; i++) {
      const digit = (chunk[i] as number) - ZERO
      if (digit < 0 || digit > 9) throw new Error(`no number: '${chunk.toString('latin1', from, end)}'`)
      value = value * 10 + digit
    }
    return negative ? -value : value
  }

  #begin(length: number, kind: List['kind']): void {
    if (length > 0) this.#open.push({ items: [], left: length, kind })
    else if (kind === 'value') this.#add(length < 0 ? null : [])
  }

  /** A value is whole, and with it perhaps the lists that it ends. */
  #add(value: Value): void {
    for (;;) {
      const list = this.#open.at(-1)
      if (list === undefined) {
        this.#events.reply(value)
        return
      }
      list.items.push(value)
      if (--list.left > 0) return
      this.#open.pop()
      if (list.kind === 'attributes') return
      if (list.kind === 'push') {
        this.#events.push(list.items)
        return
      }
      value = list.items
    }
  }
}

const TYPES: ReadonlySet<number> = new Set(Object.values(type))

function known(byte: number): void {
  if (!TYPES.has(byte)) throw new Error(`Unknown RESP type 0x${byte.toString(16)}`)
}
