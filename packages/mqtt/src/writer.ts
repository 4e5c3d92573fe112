import { Output, type Sink, Turns } from '@commlib/core/internal'
import { type Publish, writeHead, writePuback } from './packet.ts'

/**
 * Runs when what is under way has ended, promises included. Packets that came in together are handed out in one go, so
 * their answers leave together; waiting for the next turn of the event loop costs a system call or two.
 */
export const defer: (run: () => void) => void = globalThis.process?.nextTick ?? queueMicrotask

/** Writes packets, those of one turn with a single write. */
export class Writer {
  readonly #output: Output
  readonly #turns = new Turns()

  constructor(sink: Sink) {
    this.#output = new Output(sink)
  }

  /** Resolves at once, or, when much is waiting in the socket, when there is room again. */
  publish(packet: Publish): Promise<void> {
    const output = this.#output
    output.reserve(packet.size - packet.bodySize)
    output.at = writeHead(output.chunk, output.at, packet)
    output.body(packet.frame, packet.bodySize)
    this.#schedule()
    if (this.#turns.alone) this.flush()
    return output.room()
  }

  puback(id: number): void {
    const output = this.#output
    output.reserve(4)
    output.at = writePuback(output.chunk, output.at, id)
    this.#schedule()
  }

  /** Writes what was collected. To be called before anybody else writes to the stream. */
  flush(): void {
    this.#output.flush()
  }

  /** The connection has ended: drops what was collected, and nobody waits any more. */
  end(): void {
    this.#output.end()
  }

  #schedule(): void {
    if (this.#turns.add()) defer(this.#end)
  }

  readonly #end = (): void => {
    this.#turns.end()
    this.flush()
  }
}
