import { joined } from './write.ts'

/** Runs after the packets that came in together were handled, so that their answers leave together. */
const defer: (run: () => void) => void = globalThis.setImmediate ?? queueMicrotask

/** Packets that leave with a single write: those of one turn of the event loop. */
export interface Batch {
  add(packet: Uint8Array): void

  /** Writes what was collected, without waiting for the end of the turn. */
  flush(): void

  /** Bytes that were collected. */
  readonly size: number
}

export function createBatch(write: (bytes: Uint8Array) => void): Batch {
  let packets: Uint8Array[] = []
  let size = 0

  function flush(): void {
    if (size === 0) return
    const bytes = joined(packets, size)
    packets = []
    size = 0
    write(bytes)
  }

  return {
    add: packet => {
      size += packet.length
      if (packets.push(packet) === 1) defer(flush)
    },
    flush,
    get size() {
      return size
    },
  }
}
