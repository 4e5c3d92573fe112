import fc from 'fast-check'
import { generate, type Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { Reader, type Received } from '../src/reader.ts'
import { fromTopic } from '../src/topic.ts'

const word = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter(text => !/[\0\ud800-\udfff]/.test(text))
const topic = word.filter(text => !/[+#]/.test(text))
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const message = fc.record({
  topic,
  body: fc.uint8Array({ maxLength: 400 }),
  qos: fc.constantFrom(0 as const, 1 as const),
  id: fc.integer({ min: 1, max: 65_535 }),
  retain: fc.boolean(),
  replyTo: maybe(topic),
  correlationId: maybe(word),
  contentType: maybe(word),
  seconds: maybe(fc.integer({ min: 1, max: 0xffffffff })),
  headers: maybe(
    fc.dictionary(
      word.filter(key => key !== '__proto__'),
      word,
      { minKeys: 1, maxKeys: 3 },
    ),
  ),
  identifier: maybe(fc.integer({ min: 1, max: 268_435_455 })),
})

/** @param lent each piece is written over as soon as it is read */
function read(version: 4 | 5, bytes: Uint8Array, cuts: readonly number[], lent = false) {
  const got: Received[] = []
  const others: Uint8Array[] = []
  const confirmed: number[][] = []
  const reader = new Reader(version, {
    publish: received => got.push(received),
    puback: (id, reason) => confirmed.push([id, reason]),
    others: packet => others.push(packet),
  })
  let from = 0
  for (const cut of [...cuts.map(each => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (cut > from) {
      const chunk = Buffer.from(bytes.subarray(from, cut))
      reader.read(chunk, lent)
      if (lent) chunk.fill('?')
    }
    from = cut
  }
  return { got, confirmed, passed: others.map(packet => packet[0]) }
}

describe('a reader', () => {
  it('reads what another implementation wrote, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4 as const, 5 as const),
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.boolean(),
        (version, messages, cuts, lent) => {
          const packets: Packet[] = messages.flatMap(({ topic, body, qos, id, retain, ...rest }): Packet[] => [
            {
              cmd: 'publish',
              topic,
              payload: Buffer.from(body),
              qos,
              messageId: id,
              retain,
              dup: false,
              properties: {
                payloadFormatIndicator: true,
                ...(rest.replyTo !== undefined && { responseTopic: rest.replyTo }),
                ...(rest.correlationId !== undefined && { correlationData: Buffer.from(rest.correlationId) }),
                ...(rest.contentType !== undefined && { contentType: rest.contentType }),
                ...(rest.seconds !== undefined && { messageExpiryInterval: rest.seconds }),
                ...(rest.headers !== undefined && {
                  userProperties: { ...rest.headers, 'content-encoding': 'deflate' },
                }),
                ...(rest.identifier !== undefined && { subscriptionIdentifier: rest.identifier }),
              },
            },
            { cmd: 'pingresp' },
          ])
          const bytes = Buffer.concat(packets.map(packet => generate(packet, { protocolVersion: version })))
          const { got, passed } = read(version, bytes, cuts, lent)
          expect(passed).toEqual(messages.map(() => 0xd0))
          expect(
            got.map(({ frame, ...rest }) => ({ ...rest, body: new Uint8Array(frame.body), latched: frame.latched })),
          ).toEqual(
            messages.map(({ topic, body, qos, id, retain, identifier }) => ({
              topic,
              body,
              qos,
              id: qos === 0 ? 0 : id,
              latched: retain ? true : undefined,
              identifier: version === 5 ? identifier : undefined,
            })),
          )
          if (version === 4) return
          expect(
            got.map(({ frame: { body: _, latched: __, headers, ...frame } }) => ({
              ...frame,
              headers: headers && { ...headers },
            })),
          ).toEqual(
            messages.map(({ replyTo, correlationId, contentType, seconds, headers }) => ({
              replyTo: replyTo === undefined ? undefined : fromTopic(replyTo),
              correlationId,
              contentType,
              contentEncoding: headers === undefined ? undefined : 'deflate',
              expiry: seconds === undefined ? undefined : seconds * 1000,
              headers,
            })),
          )
        },
      ),
    )
  })

  it('throws at what makes no sense, or waits, and does nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 5 as const), fc.uint8Array({ maxLength: 60 }), (version, noise) => {
        for (const bytes of [
          noise,
          Uint8Array.of(0x30, noise.length, ...noise),
          Uint8Array.of(0x32, noise.length, 0, 1, 0x61, 0, 1, ...noise),
        ]) {
          try {
            read(version, bytes, [])
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
            expect((error as Error).message).toMatch(/packet|PUBLISH/)
          }
        }
      }),
    )
  })

  it('tells which message was taken and why not, and leaves other acknowledgements alone', () => {
    const bytes = [0x40, 2, 1, 2, 0x40, 3, 0, 7, 0x10, 0x40, 4, 0, 8, 0x87, 0, 0x50, 2, 0, 9]
    const { confirmed, passed } = read(5, Uint8Array.from(bytes), [3, 8])
    expect(confirmed).toEqual([
      [0x0102, 0],
      [7, 0x10],
      [8, 0x87],
    ])
    expect(passed).toEqual([0x50])
  })

  it('does not copy a large message again and again', () => {
    const length = 16 * 1024 * 1024
    const bytes = generate(
      { cmd: 'publish', topic: 'a', payload: Buffer.alloc(length, 7), qos: 0, retain: false, dup: false },
      { protocolVersion: 5 },
    )
    const cuts = Array.from({ length: 1000 }, (_, i) => i * 16_000)
    const start = performance.now()
    const { got } = read(5, bytes, cuts)
    expect(performance.now() - start).toBeLessThan(1000)
    expect(got[0]?.frame.body.byteLength).toBe(length)
  })
})
