import { describe, expect, it } from 'vitest'
import type { Link } from '../../src/connection/link.ts'
import { Outbox } from '../../src/connection/outbox.ts'
import type { Frame } from '../../src/transport.ts'
import { type Codec, json } from '../../src/wire/codec.ts'
import { bodySize, TextWire } from '../../src/wire/text-wire.ts'
import { Wire } from '../../src/wire/wire.ts'

const how = { codec: json, profile: '0.13', properties: true, maxMessageBytes: 1 << 20 } as const
const long = 'é'.repeat(20_000)

describe('a wire that leaves texts to its transport', () => {
  const wire = new TextWire(how)
  const plain = new Wire(how)
  const meta = { replyTo: 'rpc-a', correlationId: '1', timeout: 1000 }
  const request = plain.readRequest(plain.request({}, meta))

  it.each([
    ['a message', (by: Wire) => by.message({ long })],
    ['a request', (by: Wire) => by.request({ long }, meta)],
    ['an answer', (by: Wire) => by.response({ long }, request)],
    ['a failure', (by: Wire) => by.failure({ name: 'Error', message: long }, request)],
  ])('writes %s as others do, and its text', (_, write) => {
    const frame = write(wire)
    const { body, ...properties } = write(plain)
    expect(frame).toMatchObject(properties)
    const { text, size } = frame.text ?? {}
    // The text of a failure is in its headers where those travel.
    if (body.length < 16_384) expect(text).toBeUndefined()
    else {
      expect(text).toBe(new TextDecoder().decode(body))
      expect(size).toBe(body.length)
    }
    expect(bodySize(frame)).toBe(body.length)
    expect(frame.body).toEqual(body)
  })

  it('writes short ones as bytes, also after a long one', () => {
    expect(wire.message({ long }).text).toBeDefined()
    const { body, text } = wire.message({ n: 1 })
    expect(text).toBeUndefined()
    expect(new TextDecoder().decode(body)).toBe('{"n":1}')
  })

  it('refuses what is too large or no JSON, and goes on', () => {
    expect(() => wire.message('é'.repeat(1 << 19))).toThrow(/1048578 bytes/)
    expect(() => wire.message(undefined)).toThrow(/no JSON value/)
    expect(() => wire.message(1n)).toThrow(/cannot be encoded/)
    expect(wire.message({ n: 1 }).text).toBeUndefined()
  })

  it('keeps the body of what has waited for a connection', async () => {
    const outbox = new Outbox({}, () => {})
    outbox.accept()
    const sent: Frame[] = []
    const pushed = outbox.push('route', wire.request({ long }, meta), undefined)
    await outbox.open({ push: async (_: string, frame: Frame) => void sent.push(frame) } as unknown as Link)
    await pushed
    expect(sent).toHaveLength(1)
    expect(sent[0]?.expiry).toBeLessThan(1000)
    expect(sent[0]?.body).toEqual(plain.request({ long }, meta).body)
  })

  it('leaves another codec alone', () => {
    const shouting: Codec = { ...json, encode: value => json.encode(String(value).toUpperCase()) }
    const { body, text } = new TextWire({ ...how, codec: shouting }).message('x'.repeat(20_000))
    expect(text).toBeUndefined()
    expect(new TextDecoder().decode(body)).toBe(`"${'X'.repeat(20_000)}"`)
  })

  describe('reads a text of a megabyte as others do', () => {
    const read = (wire: Wire, text: string | Uint8Array) =>
      wire.readMessage({ body: typeof text === 'string' ? new TextEncoder().encode(text) : text })
    const pad = 'x'.repeat(1_040_000)

    it.each([
      ['of ASCII', pad],
      ['of Latin', `é${pad}`],
      ['of any', `${pad}€🤖`],
      ['with a mark of what was no text', `${pad}\uFFFD`],
    ])('%s', (_, text) => {
      expect(read(wire, JSON.stringify({ text }))).toEqual({ text })
    })

    it('after a byte order mark', () => {
      expect(read(wire, `\uFEFF{"text":"${pad}"}`)).toEqual({ text: pad })
      expect(read(plain, `\uFEFF{"text":"${pad}"}`)).toEqual({ text: pad })
    })

    it.each([
      ['no UTF-8', Buffer.from(`"é${pad}"`, 'latin1')],
      ['cut within a character', new TextEncoder().encode(`"${pad}€`).subarray(0, -1)],
      ['no JSON', pad],
      ['one with a field that harms', `{"__proto__":"${pad}"}`],
      ['one nested too deep', `["${pad}",${'['.repeat(1001)}${']'.repeat(1001)}]`],
    ])('and refuses %s', (_, text) => {
      expect(() => read(plain, text)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
      expect(() => read(wire, text)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
    })
  })
})
