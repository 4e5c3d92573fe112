import { createFaultProxy, type Rabbit, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, bytes, connect, eventually, list, other, quiet, text, unique } from './support.ts'

let broker: Rabbit
beforeAll(async () => {
  broker = await startRabbit({ own: true })
})
afterAll(() => broker.close())

describe('a connection', () => {
  it('makes publishers wait when the line is slower, all of them together, and loses nothing', async () => {
    const proxy = await createFaultProxy(broker)
    after(proxy.close)
    const { transport } = await connect(proxy.url('amqp'))
    const topic = unique()
    let got = 0
    await (await connect(broker.url)).transport.subscribe(topic, () => void got++)
    proxy.bandwidth(1_000_000)
    const body = new Uint8Array(256 * 1024)
    const sending = list(40).map(() => transport.publish(topic, { body }))
    let sent = 0
    for (const each of sending) void each.then(() => sent++)
    await quiet()
    // What fits into the buffers on the way is taken at once.
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThan(40)
    await proxy.restore()
    await Promise.all(sending)
    await eventually(() => expect(got).toBe(40))
  })

  it('loses nothing of a burst to a subscriber that cannot keep up', async () => {
    const [{ transport: a }, { transport: b }] = [await connect(broker.url), await connect(broker.url)]
    const topic = unique()
    const got: string[] = []
    await b.subscribe(topic, async (_, frame) => void got.push(text(frame)), { reliable: true })
    await b.subscribe(topic, (_, frame) => void got.push(text(frame)))
    const sent = list(10_000)
    await Promise.all(sent.map(n => a.publish(topic, { body: bytes(n) })))
    await eventually(() => expect(got).toHaveLength(20_000), 15_000)
  })

  it('splits a body into frames, and keeps those of others out of it', async () => {
    const { transport } = await connect(broker.url)
    const topic = unique()
    const got: number[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(frame.body.length))
    const sizes = [16 * 1024, 128 * 1024 - 8, 128 * 1024 - 7, 1024 * 1024, 0, 16 * 1024 - 1, 300_000, 1]
    await Promise.all(
      sizes.map((size, i) => transport.publish(topic, { body: new Uint8Array(size) }, { reliable: i % 2 === 0 })),
    )
    await eventually(() => expect([...got].sort()).toEqual([...sizes].sort()))
  })

  it('declares its exchange again when that was deleted, and binds everything to it', async () => {
    const exchange = unique()
    const [{ transport: a }, { transport: b, statuses }] = [
      await connect(broker.url, { exchange }),
      await connect(broker.url, { exchange }),
    ]
    const got: string[] = []
    await b.subscribe('plain', (_, frame) => void got.push(text(frame)))
    await (await other(broker)).deleteExchange(exchange)
    // Who publishes is told, by the end of the channel.
    for (const transport of [a, b]) await transport.publish('plain', { body: bytes('lost') })
    await eventually(() => expect(statuses.map(({ type }) => type)).toEqual(['connected', 'disconnected', 'connected']))
    await a.publish('plain', { body: bytes('x') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['x']))
  })

  it('refuses a body over its limit in both directions, and goes on', async () => {
    const { transport: a } = await connect(broker.url)
    const { transport: b, errors } = await connect(broker.url, { maxMessageBytes: 100 })
    const topic = unique()
    const got: string[] = []
    await b.subscribe(topic, (_, frame) => void got.push(text(frame)), { reliable: true })
    const tooLarge = { code: 'MESSAGE_TOO_LARGE', message: expect.stringContaining('101 bytes') }
    await expect(b.publish(topic, { body: new Uint8Array(101) })).rejects.toMatchObject(tooLarge)
    await expect(b.push(topic, { body: new Uint8Array(101) })).rejects.toMatchObject(tooLarge)
    await a.publish(topic, { body: new Uint8Array(101) })
    await a.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['x']))
    expect(errors).toMatchObject([tooLarge])
  })
})
