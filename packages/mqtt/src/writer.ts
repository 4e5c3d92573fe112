import { giveChunk, type LongText, Turns, takeChunk, UNCOPIED } from '@commlib/core/internal'
import { type Publish, writeHead, writePuback } from './packet.ts'

/** The part of a stream that is written to. */
export interface Sink {
  readonly writableLength: number
  write(chunk: Uint8Array | string, encoding?: BufferEncoding): boolean

  /** There on a socket, and nowhere else. */
  setNoDelay?: unknown
  once(event: 'drain', listener: () => void): unknown
}

/** In place of a chunk, while there is nothing to write. */
const NONE = new Uint8Array()

/** Bytes that may wait in the socket before a publisher has to. */
export const HIGH_WATER = 1024 * 1024

/**
 * Runs when what is under way has ended, promises included. Packets that came in together are handed out in one go, so
 * their answers leave together; waiting for the next turn of the event loop costs a system call or two.
 */
export const defer: (run: () => void) => void = globalThis.process?.nextTick ?? queueMicrotask

const written = Promise.resolve()

/**
 * Writes packets, those of one turn with a single write: with TCP_NODELAY each write is a segment
 * of its own.
 */
export class Writer {
  readonly #sink: Sink
  #chunk: Uint8Array = NONE
  #from = 0
  #to = 0
  readonly #turns = new Turns()
  #room: Promise<void> | undefined
  #release: (() => void) | undefined
  #ended = false

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Resolves at once, or, when much is waiting in the socket, when there is room again. */
  publish(packet: Publish): Promise<void> {
    const { frame, bodySize } = packet
    const { text } = frame
    if (bodySize >= UNCOPIED) {
      this.#reserve(packet.size - bodySize)
      this.#to = writeHead(this.#chunk, this.#to, packet)
      this.flush()
      if (text === undefined) this.#sink.write(frame.body)
      else this.#sink.write(text.text, encodingOf(text))
    } else {
      this.#reserve(packet.size)
      const at = writeHead(this.#chunk, this.#to, packet)
      if (text === undefined) this.#chunk.set(frame.body, at)
      else (this.#chunk as Buffer).write(text.text, at, encodingOf(text))
      this.#to = at + bodySize
      this.#schedule()
      if (this.#turns.alone) this.flush()
    }
    return this.#sink.writableLength > HIGH_WATER ? this.#drained() : written
  }

  puback(id: number): void {
    this.#reserve(4)
    this.#to = writePuback(this.#chunk, this.#to, id)
    this.#schedule()
  }

  /** Writes what was collected. To be called before anybody else writes to the stream. */
  flush(): void {
    if (this.#to === this.#from || this.#ended) return
    this.#sink.write(this.#chunk.subarray(this.#from, this.#to))
    this.#from = this.#to
    // Any other stream may hold it longer than it says.
    if (this.#sink.setNoDelay === undefined || this.#sink.writableLength > 0) return
    giveChunk(this.#chunk)
    this.#start(NONE)
  }

  /** The connection has ended: drops what was collected, and nobody waits any more. */
  end(): void {
    this.#ended = true
    this.#release?.()
  }

  #schedule(): void {
    if (this.#turns.add()) defer(this.#end)
  }

  readonly #end = (): void => {
    this.#turns.end()
    this.flush()
  }

  /** What was written belongs to the socket until it has left, so a full chunk is followed by a new one. */
  #reserve(size: number): void {
    if (this.#chunk.length - this.#to >= size) return
    this.flush()
    this.#start(takeChunk(size))
  }

  #start(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#from = 0
    this.#to = 0
  }

  #drained(): Promise<void> {
    if (this.#ended) return written
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
}

/** The quickest that gives its bytes. */
function encodingOf({ text, size }: LongText): BufferEncoding {
  return text.length === size ? 'latin1' : 'utf8'
}
