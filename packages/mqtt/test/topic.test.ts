import { describe, expect, it } from 'vitest'
import { fromTopic, overlap, toFilter, topicCache, toTopic } from '../src/topic.ts'

describe('topics', () => {
  it.each([
    ['a.b.c', 'a/b/c'],
    ['a.*', 'a/#'],
    ['*', '#'],
    ['a.*.c', 'a/+/c'],
    ['a.*.c.*', 'a/+/c/#'],
    ['*.b', '+/b'],
  ])('make of the pattern %s the filter %s', (pattern, filter) => {
    expect(toFilter(pattern)).toBe(filter)
  })

  it.each(['a', 'a/b', 'a.b/c', '/a', 'a/', 'a//b', '/', '$SYS/broker/load', 'a*/b', 'a%/b', '%2E', 'grüße/δ'])(
    'find back to %s',
    topic => {
      const name = fromTopic(topic)
      expect(toTopic(name)).toBe(topic)
      expect(name.split('.')).toHaveLength(topic.split('/').length)
      expect(topicCache()(topic)).toBe(name)
    },
  )

  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a/+', '+/b', true],
    ['a/+', 'b/+', false],
    ['a/#', 'a', true],
    ['a', 'a/#', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'b/#', false],
    ['#', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+/c', 'a/b', false],
    ['a/b', 'a/b/#', true],
    ['+/+', 'a/#', true],
  ])('of %s and %s overlap: %s', (a, b, expected) => {
    expect(overlap(a, b)).toBe(expected)
    expect(overlap(b, a)).toBe(expected)
  })
})
