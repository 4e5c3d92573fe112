/** The part of a socket of Node that is used here. */
interface Socket {
  push(chunk: Uint8Array): boolean
  [READ]?: (chunk: Uint8Array, lent: boolean) => void
}

const READ = Symbol('read')

/** Bytes that a socket reads at a time, as many as without. */
const SIZE = 65_536

let shared: Buffer | undefined

/**
 * What a socket of Node is opened with as `onread`, to read into one buffer that all such sockets share. Each read would else
 * take 64 kB of its own and give most of it back, which is an eighth of what a short read and the write that answers it cost.
 * Until {@link takeReads}, what comes is told as `'data'`. Source: https://nodejs.org/api/net.html#new-netsocketoptions
 */
export const lentReads = {
  /** The buffer of all. */
  buffer: (): Buffer => (shared ??= Buffer.allocUnsafeSlow(SIZE)),

  /** Hands over what was read. */
  callback(this: object, length: number, buffer: Uint8Array): boolean {
    const socket = this as Socket
    const chunk = buffer.subarray(0, length)
    if (socket[READ] === undefined) return socket.push(Buffer.from(chunk))
    socket[READ](chunk, true)
    return true
  },
}

/**
 * Takes what a stream reads.
 *
 * @param read is lent what came to a socket that was opened with {@link lentReads}: it is written over afterwards
 */
export function takeReads(
  stream: { on(event: 'data', listener: (chunk: Uint8Array) => void): unknown },
  read: (chunk: Uint8Array, lent: boolean) => void,
): void {
  Object.assign(stream, { [READ]: read })
  stream.on('data', chunk => read(chunk, false))
}
