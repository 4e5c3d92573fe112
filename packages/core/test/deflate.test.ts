import { deflateSync } from 'node:zlib'
import { expect, it, vi } from 'vitest'
import { deflate } from '../src/deflate.ts'
import { json, topic } from '../src/index.ts'
import { testNode } from './support/nodes.ts'

const codec = deflate(json)

it('writes what commlib-py 0.13 was seen to write', () => {
  const written = Buffer.from(codec.encode({ a: 'x'.repeat(40) }))
  expect(written.subarray(0, 2).toString('hex')).toBe('789c')
  expect(codec.decode(Buffer.from('789CAB564A54B252AA201228D50200EB4414DC', 'hex'))).toEqual({ a: 'x'.repeat(40) })
})

it('refuses a bomb', () => {
  const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
  expect(() => codec.decode(bomb)).toThrow()
})

it('tells a peer that does not compress', async () => {
  const [plain, compressed] = [await testNode(), await testNode({ codec })]
  const got: unknown[] = []
  await compressed.subscribe(topic('t'), message => got.push(message))
  await plain.publisher(topic('t')).publish({ n: 1 })
  await compressed.publisher(topic('t')).publish({ n: 2 })
  await vi.waitFor(() => expect(got).toEqual([{ n: 2 }]))
  expect(compressed.errors).toMatchObject([{ code: 'DECODE_FAILED' }])
})
