import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matcher } from '../../src/contracts/grammar.ts'
import { PatternIndex } from '../../src/contracts/pattern-index.ts'

const segment = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(segment, { minLength: 1, maxLength: 4 }).map(all => all.join('.'))
const address = fc.array(fc.oneof(segment, fc.constant('*')), { minLength: 1, maxLength: 4 }).map(all => all.join('.'))

describe('an index of patterns', () => {
  it('finds what matches, and nothing else', () => {
    fc.assert(
      fc.property(fc.uniqueArray(address), topic, (addresses, topic) => {
        const index = new PatternIndex<string>()
        for (const each of addresses) index.add(each, each)
        const expected = addresses.filter(each => matcher(each)(topic))
        expect(index.matching(topic).sort()).toEqual(expected.sort())
      }),
    )
  })

  it('finds what was not deleted', () => {
    fc.assert(
      fc.property(fc.uniqueArray(address), fc.array(address), topic, (addresses, gone, topic) => {
        const index = new PatternIndex<string>()
        for (const each of addresses) index.add(each, each)
        for (const each of gone) index.delete(each, each)
        const expected = addresses.filter(each => !gone.includes(each) && matcher(each)(topic))
        expect(index.matching(topic).sort()).toEqual(expected.sort())
      }),
    )
  })

  it('has several for one', () => {
    const index = new PatternIndex<number>()
    for (const value of [1, 2, 3]) index.add('a.*', value)
    expect(index.matching('a.b')).toEqual([1, 2, 3])
    index.delete('a.*', 2)
    index.delete('a.*', 4)
    index.delete('a.b', 1)
    index.delete('*', 1)
    expect(index.matching('a.b')).toEqual([1, 3])
    expect(index.matching('a')).toEqual([])
  })
})
