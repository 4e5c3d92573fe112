import { describe, expect, it } from 'vitest'
import { fromFields, toFields } from '../src/fields.ts'
import { isAfter } from '../src/stream-reader.ts'

const body = Buffer.from('{}')
const now = () => 0
const bytes = (fields: readonly unknown[]) => fields.map(field => Buffer.from(field as string))

describe('the fields of an entry', () => {
  it('leave out that a body is JSON, which is read from nothing', () => {
    const frame = { body, contentType: 'application/json', contentEncoding: 'utf8' }
    expect(toFields(frame, now)).toEqual(['body', { frame, prefix: '' }])
    expect(fromFields(bytes(['body', body]), now)).toEqual(frame)
  })

  it.each([
    { contentType: 'application/json', contentEncoding: 'deflate' },
    { contentType: 'application/x-msgpack' },
    { contentEncoding: 'utf8' },
  ])('say that it is %j, and no more', content => {
    const frame = { body, ...content, correlationId: 'c', replyTo: 'r', headers: { id: '1' } }
    expect(fromFields(bytes(['body', body, ...toFields(frame, now).slice(2)]), now)).toEqual(frame)
  })
})

describe('an entry', () => {
  const inOrder = ['0-0', '0-1', '9-0', '9-9', '9-10', '10-0', '10-18446744073709551615', '11-2', '1795709523181-0']
  const pairs = inOrder.flatMap((a, i) => inOrder.map((b, j) => [a, b, i > j] as const))
  it.each(pairs)('%s after %s: %s', (id, other, expected) => expect(isAfter(id, other)).toBe(expected))
  it('comes after none', () => expect(isAfter('0-0', undefined)).toBe(true))
})
