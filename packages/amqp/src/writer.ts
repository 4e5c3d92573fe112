import { bodySize, type Frame, giveChunk, takeChunk, UNCOPIED } from '@commlib/core/internal'
import { ACK_SIZE, closeBody, headerBound, OVERHEAD, openBody, writeAck, writeHeader } from './frames.ts'

/** The part of a socket that is written to. */
export interface Sink {
  readonly writableLength: number
  write(chunk: Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
}

/** Where a message goes, ready to be written: see `publishMethod`. */
export interface Route {
  readonly channel: number
  readonly method: Buffer
}

/** In place of a chunk, while there is nothing to write. */
const NONE = Buffer.alloc(0)

/** Bytes that may wait in the socket before a publisher has to. */
const HIGH_WATER = 1024 * 1024

const written = Promise.resolve()

/**
 * Writes messages and acknowledgements, those of one turn with a single write, since with TCP_NODELAY each write is a
 * segment of its own. Beside amqplib, which writes everything else: a frame each, and later.
 */
export class Writer {
  readonly #sink: Sink
  readonly #maxBody: number
  #chunk: Buffer = NONE
  #from = 0
  #to = 0
  #before: Array<() => void> = []
  #scheduled = false
  #room: Promise<void> | undefined
  #release: (() => void) | undefined
  #ended = false

  constructor(sink: Sink, maxFrame: number) {
    this.#sink = sink
    this.#maxBody = maxFrame - OVERHEAD
  }

  /**
   * Resolves at once, or, when much is waiting in the socket, when there is room again. Throws for what AMQP has no room
   * for.
   */
  publish({ channel, method }: Route, frame: Frame, persistent: boolean): Promise<void> {
    const size = bodySize(frame)
    const small = size < UNCOPIED && size <= this.#maxBody
    this.#reserve(method.length + headerBound(frame) + (small ? size + OVERHEAD : 0))
    const bytes = this.#chunk
    let at = this.#to
    at += method.copy(bytes, at)
    at = writeHeader(bytes, at, channel, frame, size, persistent)
    if (small) {
      if (size > 0) {
        at = openBody(bytes, at, channel, size)
        if (frame.text === undefined) bytes.set(frame.body, at)
        else bytes.write(frame.text.text, at)
        at = closeBody(bytes, at + size)
      }
      this.#to = at
      this.#schedule()
    } else {
      this.#to = at
      this.#writeBody(channel, frame.body)
    }
    return this.#sink.writableLength > HIGH_WATER ? this.#drained() : written
  }

  acknowledge(channel: number, tag: number, multiple: boolean): void {
    this.#reserve(ACK_SIZE)
    this.#to = writeAck(this.#chunk, this.#to, channel, tag, multiple)
    this.#schedule()
  }

  /** Runs this once, before what was collected in this turn is written. */
  readonly before = (run: () => void): void => {
    this.#before.push(run)
    this.#schedule()
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#before.length > 0) {
      const before = this.#before
      this.#before = []
      for (const run of before) run()
    }
    this.#writeOut()
  }

  /** The connection has ended: drops what was collected, and nobody waits any more. */
  end(): void {
    this.#ended = true
    this.#release?.()
  }

  #writeBody(channel: number, body: Uint8Array): void {
    for (let at = 0; at < body.byteLength; at += this.#maxBody) {
      const part = body.subarray(at, at + this.#maxBody)
      this.#reserve(OVERHEAD)
      this.#to = openBody(this.#chunk, this.#to, channel, part.byteLength)
      this.#writeOut()
      if (!this.#ended) this.#sink.write(part)
      this.#reserve(1)
      this.#to = closeBody(this.#chunk, this.#to)
    }
    // Not in the middle of a message of this channel, and nothing of amqplib comes in between: it writes in a later turn.
    this.#writeOut()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // When what is under way has ended, promises included: answers to what came in together leave together.
    process.nextTick(this.#end)
  }

  readonly #end = (): void => {
    this.#scheduled = false
    this.flush()
  }

  /** What was written belongs to the socket until it has left, so a full chunk is followed by a new one. */
  #reserve(size: number): void {
    if (this.#chunk.length - this.#to >= size) return
    this.#writeOut()
    this.#start(takeChunk(size) as Buffer)
  }

  #start(chunk: Buffer): void {
    this.#chunk = chunk
    this.#from = 0
    this.#to = 0
  }

  #writeOut(): void {
    if (this.#to === this.#from || this.#ended) return
    this.#sink.write(this.#chunk.subarray(this.#from, this.#to))
    this.#from = this.#to
    if (this.#sink.writableLength > 0) return
    giveChunk(this.#chunk)
    this.#start(NONE)
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
