import { type Mosquitto, startMosquitto } from '@commlib/testing'
import type { Aedes } from 'aedes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetDurable } from '../src/index.ts'
import { bytes, connect, eventually, quiet, startAedes, text } from './support.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({
    persistence: true,
    anonymous: true,
    acl: ['topic readwrite #', 'topic deny forbidden/#'],
    config: ['max_packet_size 200000', 'max_inflight_messages 10'],
  })
})
afterAll(() => broker.close())

/** The sockets that aedes holds; its types do not show them. */
const connections = (aedes: Aedes) =>
  Object.values((aedes as unknown as { clients: Record<string, { conn: { destroy(): void } }> }).clients).map(
    ({ conn }) => conn,
  )

const list = (count: number) => Array.from({ length: count }, (_, i) => String(i))

describe.each([5, 4] as const)('MQTT %i', protocolVersion => {
  const open = () => connect(broker.url, { protocolVersion })

  it('delivers once where filters overlap, whatever they ask for', async () => {
    const { transport } = await open()
    const got: string[] = []
    const closing = []
    for (const [pattern, options] of [
      ['over.*', {}],
      ['over.*.c', { reliable: true }],
      ['over.b.c', { latched: true }],
      ['over.b.c', { reliable: true }],
      ['over.b.*', { group: 'g' }],
      ['*.b.c', {}],
    ] as const) {
      closing.push(
        await transport.subscribe(pattern, topic => void (topic === 'over.b.c' && got.push(pattern)), options),
      )
    }
    await transport.pull('over.b.c', () => void got.push('queue'))
    const all = ['over.*', 'over.*.c', 'over.b.c', 'over.b.c', 'over.b.*', '*.b.c', 'queue'].sort()
    for (const reliable of [false, true]) {
      got.length = 0
      await transport.publish('over.b.c', { body: bytes('x') }, { reliable })
      await eventually(() => expect(got.length).toBeGreaterThanOrEqual(all.length))
      await quiet()
      expect([...got].sort()).toEqual(all)
    }
    for (const subscription of closing) await subscription.close()
    got.length = 0
    await transport.publish('over.b.c', { body: bytes('x') }, { reliable: true })
    await quiet()
    expect(got).toEqual(['queue'])
  })

  it('raises the quality of a filter for a second listener', async () => {
    const { transport } = await open()
    const settled: string[] = []
    await transport.subscribe('raise', () => {})
    await transport.subscribe('raise', async (_, frame) => void settled.push(text(frame)), { reliable: true })
    const other = await open()
    for (const body of list(50)) await other.transport.publish('raise', { body: bytes(body) }, { reliable: true })
    await eventually(() => expect(settled).toEqual(list(50)))
  })

  it('holds no more reliable messages than may be unconfirmed, and loses none', async () => {
    const { transport } = await open()
    const other = await open()
    const got: string[] = []
    await other.transport.subscribe('window', (_, frame) => void got.push(text(frame)), { reliable: true })
    await Promise.all(list(500).map(body => transport.publish('window', { body: bytes(body) }, { reliable: true })))
    await eventually(() => expect(got).toEqual(list(500)))
  })

  it('acknowledges in order, when the listener has settled', async () => {
    const first = await open()
    const durable = `order-${protocolVersion}-${process.pid}`
    const release = new Map<string, () => void>()
    await first.transport.subscribe(
      'order',
      (_, frame) => new Promise<void>(resolve => release.set(text(frame), resolve)),
      { durable },
    )
    const other = await open()
    for (const body of list(5)) await other.transport.publish('order', { body: bytes(body) }, { reliable: true })
    await eventually(() => expect([...release.keys()]).toEqual(list(5)))
    // 0 and 1 are settled, and 3 is, but 2 is before it.
    for (const body of ['3', '1', '0']) release.get(body)?.()
    await quiet(50)
    await first.transport.close()
    const second = await open()
    const again: string[] = []
    await second.transport.subscribe('order', (_, frame) => void again.push(text(frame)), { durable })
    await eventually(() => expect(again).toEqual(['2', '3', '4']))
    await second.transport.close()
    await forgetDurable(broker.url, durable)
  })

  it('forgets a durable subscription on demand', async () => {
    const durable = `forget-${protocolVersion}-${process.pid}`
    const first = await open()
    await (await first.transport.subscribe('forget', () => {}, { durable })).close()
    await forgetDurable(broker.url, durable)
    await first.transport.publish('forget', { body: bytes('x') }, { reliable: true })
    const got: string[] = []
    await first.transport.subscribe('forget', (_, frame) => void got.push(text(frame)), { durable })
    await quiet()
    expect(got).toEqual([])
    await first.transport.publish('forget', { body: bytes('y') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['y']))
    await first.transport.close()
    await forgetDurable(broker.url, durable)
  })

  it('gives each topic of a durable name its own messages, also those that waited', async () => {
    const durable = `topics-${protocolVersion}-${process.pid}`
    const got: string[] = []
    const subscribe = async () => {
      const link = await open()
      await link.transport.subscribe('many.b', topic => void got.push(`b ${topic}`), { durable })
      await link.transport.subscribe('many.a', topic => void got.push(`a ${topic}`), { durable })
      return link
    }
    await (await subscribe()).transport.close()
    const other = await open()
    for (const topic of ['many.a', 'many.b'])
      await other.transport.publish(topic, { body: bytes('') }, { reliable: true })
    const { transport } = await subscribe()
    await eventually(() => expect([...got].sort()).toEqual(['a many.a', 'b many.b']))
    await transport.close()
    await forgetDurable(broker.url, durable)
  })

  it('needs a member for a durable group', async () => {
    const { transport } = await open()
    await expect(transport.subscribe('a', () => {}, { durable: 'd', group: 'g' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('member'),
    })
  })

  it('refuses what is too large before it is sent, and stays connected', async () => {
    const { transport, statuses } = await connect(broker.url, { protocolVersion, maxMessageBytes: 100_000 })
    await expect(transport.publish('large', { body: new Uint8Array(100_001) })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
    await transport.publish('large', { body: new Uint8Array(100_000) }, { reliable: true })
    expect(statuses.map(({ type }) => type)).toEqual(['connected'])
  })

  it('shares a queue among services, and lets others in who use none of this', async () => {
    const services = [await open(), await open()]
    const counts = [0, 0]
    for (const [i, { transport }] of services.entries()) {
      await transport.pull(`shared${protocolVersion}.add`, () => {
        counts[i] = (counts[i] ?? 0) + 1
      })
    }
    const { transport } = await open()
    for (const body of list(40)) await transport.push(`shared${protocolVersion}.add`, { body: bytes(body) })
    await eventually(() => expect(counts.reduce((a, b) => a + b)).toBe(40))
    expect(Math.min(...counts)).toBeGreaterThan(0)
  })
})

describe('MQTT 5', () => {
  it('rejects a reliable message that the broker does not allow', async () => {
    const { transport } = await connect(broker.url)
    const error = await transport.publish('forbidden.x', { body: bytes('x') }, { reliable: true }).catch(error => error)
    expect(error).toMatchObject({ code: 'NOT_AUTHORIZED', message: expect.stringContaining('forbidden.x') })
  })

  it('refuses what is too large for the broker', async () => {
    const { transport, statuses } = await connect(broker.url)
    for (const reliable of [false, true]) {
      await expect(transport.publish('large', { body: new Uint8Array(200_001) }, { reliable })).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
        message: expect.stringContaining('200000'),
      })
    }
    await quiet(50)
    expect(statuses.map(({ type }) => type)).toEqual(['connected'])
  })

  it('carries what belongs to a frame', async () => {
    const { transport } = await connect(broker.url)
    const frames: unknown[] = []
    await transport.subscribe('frames', (_, frame) => void frames.push(frame))
    const frame = {
      body: bytes('x'),
      replyTo: 'rpc-x.y',
      correlationId: 'ü',
      contentType: 'text/plain',
      contentEncoding: 'deflate',
      headers: { a: 'b', ü: 'ö' },
      expiry: 1500,
    }
    await transport.publish('frames', frame)
    await transport.publish('frames', { body: bytes('y') })
    await eventually(() => expect(frames).toHaveLength(2))
    expect(frames[0]).toMatchObject({ ...frame, body: Buffer.from('x'), expiry: 2000 })
    expect(frames[1]).toEqual({ body: Buffer.from('y') })
  })
})

describe('overlapping filters on MQTT 3.1.1', () => {
  it('have connections of their own, which are lost and come back together', async () => {
    const { url, broker: aedes } = await startAedes()
    const { transport, statuses } = await connect(url, { protocolVersion: 4, group: false })
    const got: string[] = []
    for (const pattern of ['a.*', 'a.b', '*.b']) await transport.subscribe(pattern, () => void got.push(pattern))
    expect(connections(aedes)).toHaveLength(3)
    for (const lost of [0, 2]) {
      statuses.length = 0
      connections(aedes)[lost]?.destroy()
      await eventually(() => expect(statuses.map(({ type }) => type)).toEqual(['disconnected', 'connected']))
      await eventually(() => expect(connections(aedes)).toHaveLength(3))
      got.length = 0
      await transport.publish('a.b', { body: bytes('x') }, { reliable: true })
      await quiet()
      expect([...got].sort()).toEqual(['*.b', 'a.*', 'a.b'])
    }
    await transport.close()
    await eventually(() => expect(connections(aedes)).toHaveLength(0))
  })
})

describe('a broker that refuses subscriptions', () => {
  it('is told to who asks, and is asked again for what it had granted', async () => {
    let allowed = true
    const { url, broker: aedes } = await startAedes({
      authorizeSubscribe: (_, subscription, done) =>
        done(null, allowed || !subscription.topic.startsWith('secret') ? subscription : null),
    })
    const { transport, statuses } = await connect(url, { protocolVersion: 4, group: false })
    const got: string[] = []
    await transport.subscribe('secret.a', topic => void got.push(topic))
    await transport.subscribe('open.a', topic => void got.push(topic))
    allowed = false
    await expect(transport.subscribe('secret.b', () => {})).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      message: expect.stringContaining('secret/b'),
    })
    for (const client of connections(aedes)) client.destroy()
    await eventually(() =>
      expect(statuses.map(({ type }) => type)).toEqual(['connected', 'disconnected', 'error', 'connected']),
    )
    expect(statuses[2]).toMatchObject({
      error: { code: 'NOT_AUTHORIZED', message: expect.stringContaining("'secret.a'") },
    })
    await transport.publish('secret.a', { body: bytes('x') })
    await transport.publish('open.a', { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['open.a']))
    const both = await Promise.allSettled([
      transport.subscribe('secret.c', () => {}),
      transport.subscribe('secret.c', () => {}),
    ])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    allowed = true
    await eventually(async () => {
      await transport.publish('secret.a', { body: bytes('x') })
      expect(got).toContain('secret.a')
    })
  })

  it('makes every service answer where it has no shared subscriptions, and says so', async () => {
    const { url } = await startAedes({
      authorizeSubscribe: (_, subscription, done) =>
        done(null, subscription.topic.startsWith('$share') ? null : subscription),
    })
    const { transport, statuses } = await connect(url, { protocolVersion: 4 })
    const got: string[] = []
    await transport.pull('svc', frame => void got.push(text(frame)))
    await transport.push('svc', { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['x']))
    expect(statuses).toContainEqual({
      type: 'error',
      error: expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining("'svc'") }),
    })
  })
})
