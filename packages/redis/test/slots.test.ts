import { ReplyError } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { clusterAddresses } from '../src/addresses.ts'
import { encode } from '../src/resp/writer.ts'
import { keyOf, redirectOf, slotOf, tagOf } from '../src/slots.ts'

describe('a slot', () => {
  it('is the remainder of the CRC that the specification gives', () => expect(slotOf('123456789')).toBe(0x31c3))

  it.each([
    ['a{b}c{d}', 'b'],
    ['a{}b', 'a{}b'],
    ['a{b', 'a{b'],
    ['}{b}', 'b'],
  ])('of %s is that of %s', (key, tag) => expect(tagOf(key)).toBe(tag))

  it('of every return address is that of the list all calls share', () => {
    const { root, of, tokenOf } = clusterAddresses('rpc-0123456789abcdef0123456789abcdef')
    for (let n = 0; n < 20_000; n++) {
      const address = of(`t${n}`)
      expect(address).toMatch(/^rpc-[0-9a-f]{32}\.[\w-]+$/)
      expect(slotOf(address)).toBe(slotOf(root))
      expect(tokenOf(address.slice(root.length + 1))).toBe(`t${n}`)
    }
  })
})

describe('the key of a command', () => {
  it.each([
    [undefined, 'publish', ['topic', 'body']],
    [undefined, 'eval', ['script', 0, 'topic']],
    ['k', 'evalsha', ['digest', 1, 'k', 'argument']],
    ['k', 'evalsha', ['digest', encode([1, 'k']), 'argument']],
    ['k', 'rpush', ['k', 'item']],
    ['k', 'blmpop', [30, 2, 'k', 'l', 'left', 'count', 100]],
    ['k', 'xread', ['count', 5, 'streams', 'k', '0-0']],
    ['k', 'xreadgroup', ['group', 'g', 'c', 'count', 5, 'streams', 'k', '>']],
    ['k', 'xgroup', ['create', 'k', 'g', '$', 'mkstream']],
    ['k', 'xinfo', ['stream', 'k']],
    ['k', 'HGETALL', ['k']],
  ])('is %s of %s %j', (key, name, args) => expect(keyOf(name, args)).toBe(key))
})

describe('a redirection', () => {
  it.each([
    ['MOVED 3999 127.0.0.1:6381', { type: 'moved', slot: 3999, address: '127.0.0.1:6381' }],
    ['MOVED 3999 ::1:6381', { type: 'moved', slot: 3999, address: '::1:6381' }],
    ['MOVED 3999 :6381', { type: 'moved', slot: 3999, address: '10.0.0.1:6381' }],
    ['ASK 3999 redis-1.example.com:6381', { type: 'ask', slot: 3999, address: 'redis-1.example.com:6381' }],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { type: 'try again' }],
    ['MOVED 16384 127.0.0.1:6381', undefined],
    ['MOVED __proto__ 127.0.0.1:6381', undefined],
    ['CLUSTERDOWN The cluster is down', undefined],
  ])('is read in %s', (message, redirect) => {
    const found = redirectOf(new ReplyError(message), '10.0.0.1:6379')
    if (redirect === undefined) expect(found).toBeUndefined()
    else expect(found).toMatchObject(redirect)
  })
})
