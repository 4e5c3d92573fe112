import type { Frame } from '@commlib/core/internal'

/** A message as it lies in the store. */
export interface Record {
  readonly topic: string
  readonly frame: Frame

  /** When it is no longer worth delivering, by the wall clock: it may lie there for longer than a process lives. */
  readonly until: number | undefined
}

/** What there is to know of a record without reading it. */
export interface Entry {
  readonly key: string

  /** When it came, by the wall clock. */
  readonly at: number
  readonly bytes: number
}

/** A key sorts by its number, and tells age and size, so that a store is opened without reading what is in it. */
export function entryOf(number: number, at: number, bytes: number): Entry {
  return { key: `${number.toString(16).padStart(14, '0')} ${Math.round(at)} ${bytes}`, at: Math.round(at), bytes }
}

export function readKey(key: string): Entry & { readonly number: number } {
  const [number = '', at, bytes] = key.split(' ')
  return { key, number: Number.parseInt(number, 16), at: Number(at), bytes: Number(bytes) }
}

/** The length of a head in JSON, the head, the body. */
export function writeRecord(topic: string, frame: Frame, now: number): Buffer {
  const { body, contentType, contentEncoding, headers, expiry } = frame
  const until = expiry === undefined ? undefined : now + expiry
  const head = Buffer.from(JSON.stringify({ topic, contentType, contentEncoding, headers, until }))
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, head, body])
}

export function readRecord(bytes: Uint8Array): Record {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 4 + view.readUInt32BE()
  // As it was written above.
  const { topic, until, ...properties } = JSON.parse(view.toString('utf8', 4, start)) as Frame & Record
  return { topic, until, frame: { ...properties, body: view.subarray(start) } }
}
