import { describe, expect, it } from 'vitest'
import type { StandardSchema } from '../../src/contracts/schema.ts'
import { checked } from '../../src/contracts/typebox.ts'

/** A schema of no particular library: dates travel as text. */
const When: StandardSchema<{ at: string }, { at: Date }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: value => {
      const at = new Date((value as { at: string }).at)
      return Number.isNaN(at.getTime()) ? { issues: [{ message: 'no date', path: ['at'] }] } : { value: { at } }
    },
  },
}

describe('a Standard Schema', () => {
  const shape = checked(When)
  it('sends the value as it was given', () =>
    expect(shape.outgoing({ at: '2026-01-01' })).toEqual({ at: '2026-01-01' }))
  it('gives a receiver what it makes of it', () =>
    expect(shape.incoming({ at: '2026-01-01' })).toEqual({ at: new Date('2026-01-01') }))
  it('refuses with its own words and path', () => {
    const invalid = expect.objectContaining({ code: 'INVALID_MESSAGE', message: '/at no date' })
    expect(() => shape.outgoing({ at: 'x' })).toThrow(invalid)
    expect(() => shape.incoming({ at: 'x' })).toThrow(invalid)
  })
})
