import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertTopic, compilePattern, escapeSegment, isInternal, matcher } from '../../src/contracts/grammar.ts'

const invalid = expect.objectContaining({ code: 'INVALID_TOPIC' })

describe('a pattern', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a.b.c', false],
    ['a.b', 'axb', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', true],
    ['a.*', 'a', false],
    ['*', 'a', true],
    ['*', 'a.b.c', true],
    ['*.b', 'a.b', true],
    ['*.b', 'x.a.b', false],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.b.b.c', false],
    ['a.*.c.*', 'a.b.c.d.e', true],
    ['{x}', 'a', true],
    ['{x}', 'a.b', false],
    ['a.{x}', 'a.b.c', false],
    ['a.{rest...}', 'a.b.c', true],
    ['a.{rest...}', 'a', false],
    ['a.*', 'a.%', true],
  ])('%s against %s: %s', (name, topic, expected) => {
    const pattern = compilePattern(name)
    expect(pattern.match(topic) !== undefined).toBe(expected)
    // What a transport delivers for the address may be more, never less.
    if (expected) expect(matcher(pattern.address)(topic)).toBe(true)
  })

  it('captures', () => {
    expect(compilePattern('sensors.{room}.{rest...}').match('sensors.kitchen.heat.in')).toEqual({
      room: 'kitchen',
      rest: 'heat.in',
    })
  })

  it('is filled with captures', () => {
    const { fill } = compilePattern('sensors.{room}.{rest...}')
    expect(fill({ room: 'kitchen', rest: 'heat.in' })).toBe('sensors.kitchen.heat.in')
    expect(() => fill({ room: 'kitchen' })).toThrow(
      "'sensors.{room}.{rest...}' needs params.rest, and cannot take undefined",
    )
    expect(() => fill({ room: 'a.b', rest: 'x' })).toThrow(invalid)
    expect(() => fill({ room: '', rest: 'x' })).toThrow(invalid)
    expect(() => fill({ room: '*', rest: 'x' })).toThrow(invalid)
  })

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a/b',
    'a.#',
    'a.+',
    'a*',
    '{a',
    '{a}b',
    '{a...}.b',
    '{a}.{a}',
    '{1}',
    'ä',
    '$SYS',
  ])('%j is none', name => expect(() => compilePattern(name)).toThrow(invalid))

  it.each([undefined, null, 5, {}])('%j is none', name => expect(() => compilePattern(name as never)).toThrow(invalid))

  const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/)
  it('matches the topics it was made from', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(segment, fc.boolean()), { minLength: 1, maxLength: 6 }), parts => {
        const topic = parts.map(([name]) => name).join('.')
        const name = parts.map(([text, wild], i) => (wild ? `{p${i}}` : text)).join('.')
        const { match, fill, address } = compilePattern(name)
        const params = match(topic)
        expect(params).toBeDefined()
        expect(fill(params ?? {})).toBe(topic)
        expect(matcher(address)(topic)).toBe(true)
        expect(match(`${topic}.more`)).toBeUndefined()
      }),
    )
  })

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, topic) => {
        try {
          compilePattern(name).match(topic)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_TOPIC' })
        }
      }),
    )
  })
})

describe('a topic', () => {
  it.each(['a', 'a.b-c.D_9', 'thing.dev1.robot.heartbeat'])('%s is one', topic => assertTopic(topic))
  it.each(['', '*', 'a.*', 'a..b', 'a/b', 'a b', '%', 'a.%2E'])('%j is none', topic =>
    expect(() => assertTopic(topic)).toThrow(invalid),
  )

  it('is internal if it carries calls', () => {
    expect(['rpc-0f', 'rpc-0f.7', 'math.add._cancel'].every(isInternal)).toBe(true)
    expect(['math.add', 'a.rpc', 'robot.heartbeat'].some(isInternal)).toBe(false)
  })
})

describe('a foreign segment', () => {
  it('is escaped so that it neither splits nor matches, and different ones stay different', () => {
    expect(['', 'a.b', '*', '100%'].map(escapeSegment)).toEqual(['%', 'a%2Eb', '%2A', '100%25'])
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(escapeSegment(a)).not.toMatch(/[.*]/)
        expect(escapeSegment(a) === escapeSegment(b)).toBe(a === b)
      }),
    )
  })
})
