import { deflateSync, inflateSync } from 'node:zlib'
import type { Codec } from './wire/codec.ts'

/** Options of {@link deflate}. */
export interface DeflateOptions {
  /** 0 (none) to 9 (best). @default zlib's own, 6 */
  readonly level?: number | undefined

  /** Bytes a body may inflate to: a bomb is refused. @default 16 MiB */
  readonly maxInflatedBytes?: number | undefined
}

/**
 * Compresses another codec's bytes (zlib, RFC 1950). Both ends must use it: nothing on the wire tells.
 *
 * commlib-py: `compression=CompressionType.…` of 0.10 and newer.
 */
export function deflate(codec: Codec, { level = -1, maxInflatedBytes = 16 * 1024 * 1024 }: DeflateOptions = {}): Codec {
  return {
    contentType: codec.contentType,
    contentEncoding: codec.contentEncoding,
    encode: value => deflateSync(codec.encode(value), { level }),
    decode: body => codec.decode(inflateSync(body, { maxOutputLength: maxInflatedBytes })),
  }
}
