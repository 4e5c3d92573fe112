import { Turns } from '@commlib/core/internal'
import { type Publish, writeHead, writePuback } from './packet.ts'

/** The part of a stream that is written to. */
export interface Sink {
  readonly writableLength: number
  write(chunk: Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
}

const CHUNK = 64 * 1024

/** A body from this size on is written as it is instead of being copied. */
const LARGE = 16 * 1024

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
  #chunk: Uint8Array = new Uint8Array(CHUNK)
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
    const { body } = packet
    const head = packet.size - body.byteLength
    if (body.byteLength >= LARGE) {
      this.#reserve(head)
      this.#to = writeHead(this.#chunk, this.#to, packet)
      this.flush()
      this.#sink.write(body)
    } else {
      this.#reserve(packet.size)
      const at = writeHead(this.#chunk, this.#to, packet)
      this.#chunk.set(body, at)
      this.#to = at + body.byteLength
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
    this.#chunk = new Uint8Array(Math.max(CHUNK, size))
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
