import { bodySize, type Frame, Output, type Sink, UNCOPIED } from '@commlib/core/internal'
import { ACK_SIZE, closeBody, headerBound, OVERHEAD, openBody, writeAck, writeHeader } from './frames.ts'

/** Where a message goes, ready to be written: see `publishMethod`. */
export interface Route {
  readonly channel: number
  readonly method: Buffer
}

/**
 * Writes messages and acknowledgements, those of one turn with a single write, since with TCP_NODELAY each write is a
 * segment of its own. Beside amqplib, which writes everything else: a frame each, and later.
 */
export class Writer {
  readonly #output: Output<Buffer>
  readonly #maxBody: number
  #before: Array<() => void> = []
  #scheduled = false

  constructor(sink: Sink, maxFrame: number) {
    this.#output = new Output(sink)
    this.#maxBody = maxFrame - OVERHEAD
  }

  /**
   * Resolves at once, or, when much is waiting in the socket, when there is room again. Throws for what AMQP has no room
   * for.
   */
  publish({ channel, method }: Route, frame: Frame, persistent: boolean): Promise<void> {
    const output = this.#output
    const size = bodySize(frame)
    output.reserve(method.length + headerBound(frame))
    const { chunk } = output
    const at = output.at + method.copy(chunk, output.at)
    output.at = writeHeader(chunk, at, channel, frame, size, persistent)
    if (size <= this.#maxBody) this.#part(channel, frame, size)
    else {
      const { body } = frame
      for (let from = 0; from < size; from += this.#maxBody) {
        const part = body.subarray(from, from + this.#maxBody)
        this.#part(channel, { body: part }, part.byteLength)
      }
    }
    // What is large has been written, and must be whole: amqplib writes in a later turn.
    if (size >= UNCOPIED || size > this.#maxBody) output.flush()
    else this.#schedule()
    return output.room()
  }

  acknowledge(channel: number, tag: number, multiple: boolean): void {
    const output = this.#output
    output.reserve(ACK_SIZE)
    output.at = writeAck(output.chunk, output.at, channel, tag, multiple)
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
    this.#output.flush()
  }

  /** The connection has ended: drops what was collected, and nobody waits any more. */
  end(): void {
    this.#output.end()
  }

  #part(channel: number, frame: Frame, size: number): void {
    if (size === 0) return
    const output = this.#output
    output.reserve(OVERHEAD)
    output.at = openBody(output.chunk, output.at, channel, size)
    output.body(frame, size)
    output.reserve(1)
    output.at = closeBody(output.chunk, output.at)
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
}
