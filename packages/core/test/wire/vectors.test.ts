import { describe, expect, it } from 'vitest'
import { json } from '../../src/wire/codec.ts'
import { notAMessage, Wire } from '../../src/wire/wire.ts'
import { amqpCapture, type Captured, mqttCapture, redisCapture } from '../support/vectors.ts'

const wire = (profile: '0.13' | '0.6' = '0.13', properties = false) =>
  new Wire({ codec: json, profile, properties, maxMessageBytes: 1 << 20 })
const frame = (body: string, more = {}) => ({ body: new TextEncoder().encode(body), ...more })
const text = ({ body }: { body: Uint8Array }) => new TextDecoder().decode(body)

const versions = [
  ['0.6.3 on MQTT', mqttCapture('v0.6.3_mqtt_sub.txt'), '0.6'],
  ['0.11.5 on MQTT', mqttCapture('v0.11.5_mqtt_sub.txt'), '0.13'],
  ['0.13.1 on MQTT', mqttCapture('v0.13.1-patched_mqtt_sub.txt'), '0.13'],
  ['0.6.3 on Redis', redisCapture('v0.6.3_redis_monitor.txt'), '0.6'],
  ['0.13.1 on Redis', redisCapture('v0.13.1-patched_redis_monitor_noPING.txt'), '0.13'],
] as const

const isReply = ({ topic }: Captured) => topic.startsWith('rpc-')
const isCall = ({ topic, body }: Captured) => !isReply({ topic, body }) && /"reply_to":"rpc-/.test(body)
const isMessage = (captured: Captured) => !isReply(captured) && !isCall(captured) && captured.body !== 'QueueInit'
/** Integers past 2^53 come as the nearest number, here as in what the test expects. */
const dataOf = (body: string) => JSON.parse(body).data

describe.each(versions)('what commlib-py %s writes', (_, captured, profile) => {
  it('is captured', () => {
    expect(captured.filter(isReply).length).toBeGreaterThan(5)
    expect(captured.filter(isCall).length).toBeGreaterThan(5)
    expect(captured.filter(isMessage).length).toBeGreaterThan(5)
  })

  it.each(captured.filter(isMessage))('is a message: $topic $body', ({ body }) => {
    expect(wire().readMessage(frame(body))).toEqual(profile === '0.6' ? dataOf(body) : JSON.parse(body))
  })

  it.each(captured.filter(isCall))('is a request, and no message: $topic $body', ({ body }) => {
    const { header } = JSON.parse(body)
    expect(wire().readRequest(frame(body))).toMatchObject({
      data: dataOf(body),
      replyTo: header.reply_to,
      flavour: profile,
    })
    expect(wire().readMessage(frame(body))).toBe(notAMessage)
  })

  it.each(captured.filter(isReply))('is a response: $body', ({ body }) => {
    expect(wire().readResponse(frame(body))).toEqual(dataOf(body))
  })
})

describe.each(['v0.6.3_amqp_firehose.txt', 'v0.13.1-patched_amqp_firehose.txt'])(
  'what commlib-py writes in %s',
  name => {
    const captured = amqpCapture(name)
    const calls = captured.filter(({ properties }) => properties.reply_to !== undefined)

    it('is captured', () => expect(calls.length).toBeGreaterThan(5))

    it.each(captured)('is a bare message or response: $topic $body', ({ body }) => {
      expect(wire('0.13', true).readMessage(frame(body))).toEqual(JSON.parse(body))
      expect(wire('0.13', true).readResponse(frame(body))).toEqual(JSON.parse(body))
    })

    it.each(calls)('is a bare request: $topic $body', ({ body, properties }) => {
      const request = wire('0.13', true).readRequest(frame(body, { replyTo: properties.reply_to }))
      expect(request).toMatchObject({ data: JSON.parse(body), replyTo: properties.reply_to, flavour: 'bare' })
    })
  },
)

/** The names of a body's fields, in order, at every depth of the envelope. */
const layout = (body: string) => {
  const { header, data, ...rest } = JSON.parse(body)
  return { keys: Object.keys(JSON.parse(body)), header: Object.keys(header), data, rest }
}
const callIn = (name: string) => mqttCapture(name).find(({ topic }) => topic === 'raw.echo') as Captured
const replyIn = (name: string) => mqttCapture(name).find(({ body }) => body.includes('"echo"')) as Captured
const ours = new Set(['correlation_id', 'timeout', 'goal_id', 'error', 'bare'])
const withoutOurs = (body: string) => {
  const { header, ...rest } = layout(body)
  return { ...rest, header: header.filter(key => !ours.has(key)) }
}

describe.each([
  ['0.13', 'v0.13.1-patched_mqtt_sub.txt'],
  ['0.6', 'v0.6.3_mqtt_sub.txt'],
] as const)('what the profile %s writes', (profile, name) => {
  it('is a request as Python writes it, with fields of ours that Python ignores', () => {
    const captured = callIn(name)
    const { header, data } = JSON.parse(captured.body)
    const written = text(wire(profile).request(data, { replyTo: header.reply_to, correlationId: 'c', timeout: 100 }))
    expect(withoutOurs(written)).toEqual(layout(captured.body))
    expect(JSON.parse(written).header).toMatchObject({ ...header, timestamp: expect.any(Number) })
    expect(written).toMatch(/"timestamp":\d+[,}]/)
  })

  it('is a response as Python writes it', () => {
    const request = wire().readRequest(frame(callIn(name).body))
    const captured = replyIn(name)
    const written = text(wire(profile === '0.6' ? '0.13' : '0.6').response(dataOf(captured.body), request))
    expect(withoutOurs(written)).toEqual(layout(captured.body))
    expect(JSON.parse(written).header).toMatchObject({
      ...JSON.parse(captured.body).header,
      timestamp: expect.any(Number),
    })
  })

  it('is a message as Python writes it', () => {
    const captured = mqttCapture(name).find(({ topic }) => topic === 'sensors.sonar.front') as Captured
    const data = profile === '0.6' ? dataOf(captured.body) : JSON.parse(captured.body)
    const written = JSON.parse(text(wire(profile).message(data)))
    const expected = JSON.parse(captured.body)
    if (profile === '0.6') expected.header.timestamp = expect.any(Number)
    expect(written).toEqual(expected)
  })
})

describe('an envelope', () => {
  it('is also recognised by the name that 0.4 gave its header', () => {
    const properties = { content_type: 'application/json', content_encoding: 'utf8' }
    const body = JSON.stringify({ data: { x: 1 }, meta: { timestamp: 1_600_000_000_000_000, properties } })
    expect(wire().readMessage(frame(body))).toEqual({ x: 1 })
  })

  it.each([
    { header: { msg_id: '-1', node_id: '', agent: 'commlib-py', timestamp: 1, properties: {} }, data: { x: 1 } },
    { header: { msg_id: '-1', timestamp: 1, properties: {} }, payload: { room: 1 } },
    { meta: { page: 1 }, data: [] },
    { header: { title: 'x' }, data: {}, footer: {} },
  ])('is not seen in an app message that looks like one: %j', body => {
    expect(wire().readMessage(frame(JSON.stringify(body)))).toEqual(body)
  })

  it('carries a failure that Python takes for an empty answer', () => {
    const request = wire().readRequest(frame(callIn('v0.13.1-patched_mqtt_sub.txt').body))
    const failed = wire().failure({ name: 'RangeError', message: 'too far', code: 'E_FAR' }, request)
    expect(JSON.parse(text(failed)).data).toEqual({})
    expect(() => wire().readResponse(failed)).toThrow(
      expect.objectContaining({
        code: 'REMOTE_ERROR',
        remote: { name: 'RangeError', message: 'too far', code: 'E_FAR' },
      }),
    )
  })
})

describe.each(['0.13', '0.6'] as const)('the answer to a caller of ours with the profile %s', profile => {
  const request = wire().readRequest(wire(profile).request({}, { replyTo: 'rpc-1.a', correlationId: 'a' }))

  it.each([{ sum: 3 }, null, [], 'text', { header: { title: 'x' }, data: 1 }])(
    'is the response as it stands: %j',
    response => {
      const frame = wire().response(response, request)
      expect(text(frame)).toBe(JSON.stringify(response))
      expect(wire().readResponse(frame)).toEqual(response)
    },
  )

  const properties = { content_type: 'application/json', content_encoding: 'utf8' }
  it.each([
    { header: { reply_to: '' }, data: 1 },
    { header: { timestamp: 1, properties }, data: 1 },
    { meta: { reply_to: 'x', error: 'none' }, data: {} },
  ])('has an envelope if it would be taken for one: %j', response => {
    const frame = wire().response(response, request)
    expect(JSON.parse(text(frame)).data).toEqual(response)
    expect(wire().readResponse(frame)).toEqual(response)
  })

  it('has an envelope if the handler failed', () => {
    const failed = wire().failure({ name: 'RangeError', message: 'too far' }, request)
    expect(JSON.parse(text(failed)).data).toEqual({})
    expect(() => wire().readResponse(failed)).toThrow(expect.objectContaining({ code: 'REMOTE_ERROR' }))
  })
})

describe('a body', () => {
  const hostile = ['', 'not json', '{"a":NaN}', '[1,', '{"__proto__":{"x":1}}', '\u0000']
  it.each(hostile)('that is not sound JSON is refused: %j', body => {
    expect(() => wire().readMessage(frame(body))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  it('of invalid UTF-8 is refused', () => {
    const body = Uint8Array.from([0x22, 0xff, 0xfe, 0x22])
    expect(() => wire().readMessage({ body })).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  it('over the limit is refused in both directions', () => {
    const small = new Wire({ codec: json, profile: '0.13', properties: false, maxMessageBytes: 100 })
    const tooLarge = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' })
    expect(() => small.message({ text: 'x'.repeat(100) })).toThrow(tooLarge)
    expect(() => small.readMessage(frame(JSON.stringify({ text: 'x'.repeat(100) })))).toThrow(tooLarge)
  })

  it('that has no JSON form is refused', () => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    for (const value of [circular, undefined, 1n, () => {}]) {
      expect(() => wire().message(value)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }))
    }
  })

  it('may be nested 1,000 deep, and no deeper', () => {
    const deep = (depth: number) => frame(`${'[{"a":'.repeat(depth / 2)}"[[[[\\"[["${'}]'.repeat(depth / 2)}`)
    expect(Array.isArray(wire().readMessage(deep(1000)))).toBe(true)
    const refused = expect.objectContaining({ code: 'DECODE_FAILED', message: expect.stringContaining('deeper than') })
    expect(() => wire().readMessage(deep(1002))).toThrow(refused)
    expect(() => wire().readMessage(deep(10_000))).toThrow(refused)
  })

  it('may name brackets in its texts as often as it likes', () => {
    const text = '[{'.repeat(2000)
    expect(wire().readMessage(frame(JSON.stringify({ text })))).toEqual({ text })
  })

  it.each([0, 60, 61, 62, 63, 64, 65, 2000])('may quote in its texts, after %i characters', length => {
    const value = ['', '\\', '"', '\\"', '\\\\"', '"\\'].map(mark => `${'x'.repeat(length)}${mark}${'[{'.repeat(1000)}`)
    expect(wire().readMessage(frame(JSON.stringify({ value })))).toEqual({ value })
    const deep = `[${JSON.stringify(value)},${'['.repeat(1001)}${']'.repeat(1001)}]`
    expect(() => wire().readMessage(frame(deep))).toThrow(/deeper than/)
  })
})
