import type { Frame } from '../transport.ts'

/** The part of a stream that is written to. */
export interface Sink {
  /** Bytes that it holds, since the kernel has not taken them yet. */
  readonly writableLength: number

  /** Takes bytes, or a text to be coded, to be sent after all that came before. */
  write(chunk: Uint8Array | string, encoding?: BufferEncoding): unknown

  /** There on a socket, and nowhere else. */
  setNoDelay?: unknown

  /** Tells once when it holds nothing any more. */
  once(event: 'drain', listener: () => void): unknown
}

/** Bytes of a chunk: room for what is read from a socket at a time, twice. */
const SIZE = 131_072

/** A body from this size on is written as it is, or it would leave no room for others. */
export const UNCOPIED = 98_304

/** The most that are kept. */
const FREE = 4

/** Bytes that may be on their way before a publisher has to wait. */
export const HIGH_WATER = 1_048_576

/**
 * Chunks that nobody writes to, whatever connection had them. The last one that was given back comes first: with a
 * hundred connections, it is in the processor's cache, where one for each never is.
 */
const free: Uint8Array[] = []

/** In place of a chunk, while there is nothing to write. */
const NONE = /* @__PURE__ */ allocate(0)

const written = /* @__PURE__ */ Promise.resolve()

/**
 * Collects what goes to a socket with one write: with TCP_NODELAY, each is a segment of its own.
 *
 * @typeParam Chunk `Buffer`, where there is Node
 */
export class Output<Chunk extends Uint8Array = Uint8Array> {
  /** Takes what was reserved, from {@link at} on, which is moved behind it. */
  chunk = NONE as Chunk
  at = 0
  readonly #sink: Sink
  #from = 0
  #room: Promise<void> | undefined
  #release: (() => void) | undefined
  #ended = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /**
   * Makes room for so many bytes. What was written is the socket's until it has left: a full chunk is followed by another.
   */
  reserve(size: number): void {
    if (this.chunk.length - this.at >= size) return
    this.flush()
    this.#start(((size <= SIZE ? free.pop() : undefined) ?? allocate(Math.max(size, SIZE))) as Chunk)
  }

  /** Adds a frame's body, of so many bytes. */
  body(frame: Frame, size: number): void {
    const { text } = frame
    if (size >= UNCOPIED) {
      this.flush()
      if (this.#ended) return
      if (text === undefined) this.#sink.write(frame.body)
      else this.#sink.write(text.text, text.encoding)
      return
    }
    this.reserve(size)
    if (text === undefined) this.chunk.set(frame.body, this.at)
    else (this.chunk as Uint8Array as Buffer).write(text.text, this.at, text.encoding)
    this.at += size
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.at === this.#from || this.#ended) return
    this.#sink.write(this.chunk.subarray(this.#from, this.at))
    this.#from = this.at
    // Any other stream may hold it longer than it says.
    if (this.#sink.setNoDelay === undefined || this.#sink.writableLength > 0) return
    if (this.chunk.length === SIZE && free.length < FREE) free.push(this.chunk)
    this.#start(NONE as Chunk)
  }

  /** Resolves at once, or, when much is waiting in the socket, when there is room again. */
  room(): Promise<void> {
    if (this.#ended || this.#sink.writableLength <= HIGH_WATER) return written
    this.#room ??= new Promise(resolve => {
      this.#release = () => {
        this.#room = undefined
        this.#release = undefined
        resolve()
      }
      this.#sink.once('drain', () => this.#release?.())
    })
    return this.#room
  }

  /** The connection has ended: drops what was collected, and nobody waits any more. */
  end(): void {
    this.#ended = true
    this.#release?.()
  }

  #start(chunk: Chunk): void {
    this.chunk = chunk
    this.#from = 0
    this.at = 0
  }
}

function allocate(size: number): Uint8Array {
  return globalThis.Buffer?.allocUnsafeSlow(size) ?? new Uint8Array(size)
}
