/** Puts together what a socket brings in pieces: what says how long it is, and is not whole yet. */
export class Pieces<Chunk extends Uint8Array = Uint8Array> {
  readonly #onBytes: (bytes: Chunk, lent: boolean) => void

  /** With room for all that there has to be of it to go on. */
  #rest: Chunk | undefined
  #have = 0

  /** @param onBytes reads all that is whole, and gives the beginning of what is not to {@link keep} */
  constructor(onBytes: (bytes: Chunk, lent: boolean) => void) {
    this.#onBytes = onBytes
  }

  /**
   * Takes the next piece.
   *
   * @param lent it is written over afterwards
   */
  read(chunk: Chunk, lent: boolean): void {
    let from = 0
    while (this.#rest !== undefined) {
      const rest = this.#rest
      const taken = chunk.subarray(from, from + rest.length - this.#have)
      rest.set(taken, this.#have)
      this.#have += taken.length
      from += taken.length
      if (this.#have < rest.length) return
      this.#rest = undefined
      this.#onBytes(rest, false)
    }
    if (from < chunk.length) this.#onBytes(from === 0 ? chunk : (chunk.subarray(from) as Chunk), lent)
  }

  /**
   * Copies the beginning of what is not whole.
   *
   * @param size bytes that there have to be, with these, before it is worth looking again
   */
  keep(beginning: Uint8Array, size: number): void {
    this.#rest = (globalThis.Buffer?.allocUnsafe(size) ?? new Uint8Array(size)) as Uint8Array as Chunk
    this.#rest.set(beginning)
    this.#have = beginning.length
  }
}
