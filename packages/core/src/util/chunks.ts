/** Bytes of a chunk: room for what is read from a socket at a time, twice. */
const SIZE = 131_072

/** A body from this size on is written as it is, or it would leave no room for others. */
export const UNCOPIED = 98_304

/** The most that are kept. */
const FREE = 4

/** Chunks that nobody writes to, whatever connection had them. */
const free: Uint8Array[] = []

/**
 * Memory of this size or more, to be filled and written to a socket. The last one that was given back comes first: with a
 * hundred connections, it is in the processor's cache, where one for each never is.
 */
export function takeChunk(size: number): Uint8Array {
  if (size > SIZE) return allocate(size)
  return free.pop() ?? allocate(SIZE)
}

/** To be called once the kernel has taken all that was written of it. */
export function giveChunk(chunk: Uint8Array): void {
  if (chunk.length === SIZE && free.length < FREE) free.push(chunk)
}

function allocate(size: number): Uint8Array {
  return globalThis.Buffer?.allocUnsafeSlow(size) ?? new Uint8Array(size)
}
