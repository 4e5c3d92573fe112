import { kMaxLength } from 'node:buffer'
import { deflateSync, inflateSync } from 'node:zlib'
import { assertOption, assertOptions, integer, type Rule } from './util/options.ts'
import { type Codec, codecRule } from './wire/codec.ts'

/** Options of {@link deflate}. */
export interface DeflateOptions {
  /** 0 (none) to 9 (best). @default zlib's own, 6 */
  readonly level?: number | undefined

  /** Bytes a body may inflate to: a bomb is refused. @default 16 MiB */
  readonly maxInflatedBytes?: number | undefined
}

const LEVEL: Rule = ['an integer from -1 to 9', value => Number.isInteger(value) && Math.abs(Number(value) - 4) <= 5]

/**
 * Compresses another codec's bytes (zlib, RFC 1950). Both ends must use it: nothing on the wire tells.
 *
 * commlib-py: `compression=CompressionType.…` of 0.10 and newer.
 */
export function deflate(codec: Codec, options: DeflateOptions = {}): Codec {
  assertOption('the codec of deflate', codec ?? null, codecRule)
  assertOptions('deflate', options, { level: LEVEL, maxInflatedBytes: integer(1) })
  const { level = -1, maxInflatedBytes = 16 * 1024 * 1024 } = options
  return {
    contentType: codec.contentType,
    contentEncoding: codec.contentEncoding,
    encode: value => deflateSync(codec.encode(value), { level }),
    decode: body => codec.decode(inflateSync(body, { maxOutputLength: Math.min(maxInflatedBytes, kMaxLength) })),
  }
}
