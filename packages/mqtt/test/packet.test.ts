import fc from 'fast-check'
import { type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { measure, writeHead, writePuback } from '../src/packet.ts'
import { toTopic } from '../src/topic.ts'

function parse(bytes: Uint8Array, version: 4 | 5): Packet {
  const packets: Packet[] = []
  const reader = parser({ protocolVersion: version })
  reader.on('packet', packet => packets.push(packet))
  reader.on('error', error => {
    throw error
  })
  reader.parse(Buffer.from(bytes))
  const [packet] = packets
  if (packet === undefined || packets.length > 1) throw new Error(`${packets.length} packets`)
  return packet
}

const level = fc
  .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
  .filter(text => !/[/+#$.*%\p{Cc}\ud800-\udfff]/u.test(text))
const name = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('.'))
const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter(text => !text.includes('\0'))

describe('a PUBLISH', () => {
  it('is read back by another implementation as it was meant', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4 as const, 5 as const),
        fc.record({
          name,
          body: fc.uint8Array({ maxLength: 300 }),
          retain: fc.boolean(),
          id: fc.integer({ min: 0, max: 65_535 }),
          replyTo: fc.option(name, { nil: undefined }),
          correlationId: fc.option(word, { nil: undefined }),
          contentType: fc.option(word, { nil: undefined }),
          expiry: fc.option(fc.integer({ min: 1, max: 2 ** 42 }), { nil: undefined }),
          headers: fc.option(
            fc.dictionary(
              word.filter(key => key !== '__proto__'),
              word,
              { maxKeys: 3 },
            ),
            { nil: undefined },
          ),
        }),
        (version, { name, body, retain, id, ...properties }) => {
          const packet = measure(name, { body, ...properties }, { version }, retain, id)
          const bytes = new Uint8Array(packet.size + 7)
          const at = writeHead(bytes, 7, packet)
          bytes.set(body, at)
          expect(at + body.length).toBe(bytes.length)
          const read = parse(bytes.subarray(7), version) as IPublishPacket
          expect(read.topic).toBe(toTopic(name))
          expect(new Uint8Array(read.payload as Buffer)).toEqual(body)
          expect(read.retain).toBe(retain)
          expect(read.qos).toBe(id === 0 ? 0 : 1)
          if (id !== 0) expect(read.messageId).toBe(id)
          if (version === 4) return
          const { replyTo, correlationId, contentType, expiry, headers } = properties
          expect(read.properties?.responseTopic).toBe(replyTo === undefined ? undefined : toTopic(replyTo))
          expect(read.properties?.correlationData?.toString()).toBe(correlationId)
          expect(read.properties?.contentType).toBe(contentType)
          expect(read.properties?.messageExpiryInterval).toBe(
            expiry === undefined ? undefined : Math.min(0xffffffff, Math.ceil(expiry / 1000)),
          )
          expect({ ...read.properties?.userProperties }).toEqual({ ...headers })
        },
      ),
    )
  })

  it.each([100, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])(
    'has the right length with a body of %i bytes',
    length => {
      const body = new Uint8Array(length)
      const packet = measure('a', { body }, { version: 5 }, false, 0)
      const bytes = new Uint8Array(packet.size)
      expect(writeHead(bytes, 0, packet)).toBe(packet.size - length)
      expect(parse(bytes, 5)).toMatchObject({ topic: 'a', length: packet.remaining })
    },
  )

  it('says nothing of a body that is what every body is', () => {
    const body = new Uint8Array(1)
    const bare = measure('a', { body }, { version: 5 }, false, 0)
    const plain = { body, contentType: 'application/json', contentEncoding: 'utf8' }
    expect(measure('a', plain, { version: 5 }, false, 0)).toEqual({ ...bare, frame: plain })
    expect(measure('a', { ...plain, contentEncoding: 'deflate' }, { version: 5 }, false, 0).properties).toMatchObject({
      contentType: 'application/json',
      headers: ['content-encoding', 'deflate'],
    })
  })

  it('keeps the dots of a foreign name', () => {
    const packet = measure('a%2Eb.c.%', { body: new Uint8Array(), replyTo: 'r%2E.x' }, { version: 5 }, false, 0)
    const bytes = new Uint8Array(packet.size)
    writeHead(bytes, 0, packet)
    expect(parse(bytes, 5)).toMatchObject({ topic: 'a.b/c/', properties: { responseTopic: 'r./x' } })
  })
})

describe('a PUBACK', () => {
  it('is read back by another implementation', () => {
    const bytes = new Uint8Array(4)
    expect(writePuback(bytes, 0, 0xabcd)).toBe(4)
    for (const version of [4, 5] as const)
      expect(parse(bytes, version)).toMatchObject({ cmd: 'puback', messageId: 0xabcd })
  })
})
