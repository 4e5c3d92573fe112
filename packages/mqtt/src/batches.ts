import { bodySize, codeOf, type Frame, Turns } from '@commlib/core/internal'
import { writeShort, writeText } from './packet.ts'
import { short, text } from './reader.ts'
import { defer } from './writer.ts'

/** Bytes of a batch, so that it is far from any broker's limit. */
export const MAX_BATCH = 8 * 1024

/** Bytes of a body, from which on it is its own packet. */
const LARGE = 1024

/** A token's and a body's length, before each of them. */
const LENGTHS = 4

/** What shares a packet with others. */
export interface Part {
  /** Where it goes when it is sent alone. */
  readonly address: string

  /** What the receiver is told of it beside its body. */
  readonly token: string
  readonly frame: Frame
}

interface Batch {
  readonly parts: Part[]
  bytes: number
  readonly sent: Promise<void>
  settle(sent: Promise<void>): void
}

export interface Sending {
  alone(part: Part): Promise<void>

  /** Sends a batch, to what its parts have in common. */
  together(key: string, body: Uint8Array, count: number): Promise<void>
}

/** Collects what can share packets for as long as what is under way takes, promises included. */
export class Batches {
  readonly #sending: Sending
  #batches = new Map<string, Batch>()
  readonly #turns = new Turns()

  constructor(sending: Sending) {
    this.#sending = sending
  }

  /** Resolves when it is sent; `undefined` where it probably has none to share a packet with. */
  add(key: string, part: Part): Promise<void> | undefined {
    if (this.#turns.add()) {
      defer(() => this.flush())
      if (this.#turns.alone) return undefined
    }
    const bytes = LENGTHS + part.token.length + part.frame.body.byteLength
    let batch = this.#batches.get(key)
    if (batch !== undefined && batch.bytes + bytes > MAX_BATCH) {
      this.#send(key, batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = createBatch()
      this.#batches.set(key, batch)
    }
    batch.parts.push(part)
    batch.bytes += bytes
    return batch.sent
  }

  /** Sends what was collected. */
  flush(): void {
    for (const [key, batch] of this.#batches) this.#send(key, batch)
    // Not cleared: see renewed().
    this.#batches = new Map()
    this.#turns.end()
  }

  /** Sends what was collected under this key, before something else is. */
  flushOf(key: string): void {
    const batch = this.#batches.get(key)
    if (batch === undefined) return
    this.#batches.delete(key)
    this.#send(key, batch)
  }

  #send(key: string, { parts, bytes, settle }: Batch): void {
    const [first] = parts as [Part]
    settle(parts.length === 1 ? this.#sending.alone(first) : this.#together(key, parts, bytes))
  }

  async #together(key: string, parts: readonly Part[], bytes: number): Promise<void> {
    try {
      await this.#sending.together(key, write(parts, bytes), parts.length)
    } catch (error) {
      // A broker may take no packet of this size.
      if (codeOf(error) !== 'MESSAGE_TOO_LARGE') throw error
      await Promise.all(parts.map(part => this.#sending.alone(part)))
    }
  }
}

/** Whether it is small enough to share a packet. */
export function isSmall(frame: Frame): boolean {
  return bodySize(frame) < LARGE
}

/** Hands out what a batch holds. Throws at what is none, after what could be read. */
export function readBatch(body: Uint8Array, onPart: (token: string, frame: Frame) => void): void {
  for (let at = 0; at < body.length; ) {
    const tokenEnd = at + 2 + short(body, at)
    const bodyStart = tokenEnd + 2
    const bodyEnd = bodyStart + short(body, tokenEnd)
    if (bodyEnd > body.length) throw new Error('a batch that is shorter than it says')
    onPart(text(body, at + 2, tokenEnd), { body: body.subarray(bodyStart, bodyEnd) })
    at = bodyEnd
  }
}

function createBatch(): Batch {
  let settle: Batch['settle'] = () => {}
  const sent = new Promise<void>(resolve => {
    settle = resolve
  })
  return { parts: [], bytes: 0, sent, settle }
}

function write(parts: readonly Part[], bytes: number): Uint8Array {
  const into = new Uint8Array(bytes)
  let at = 0
  for (const { token, frame } of parts) {
    at = writeText(into, at, token)
    at = writeShort(into, at, frame.body.byteLength)
    into.set(frame.body, at)
    at += frame.body.byteLength
  }
  return into
}
