import { createFaultProxy, type FaultProxy, type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MqttOptions } from '../src/index.ts'
import { after, bytes, connect, eventually, quiet, text } from './support.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ own: true })
})
afterAll(() => broker.close())

const list = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(i + from))

/** A publisher behind a proxy, and what another client hears of it. */
async function pair(options: MqttOptions = {}) {
  const proxy: FaultProxy = await createFaultProxy(broker)
  after(proxy.close)
  const publisher = await connect(proxy.url('mqtt'), options)
  const subscriber = await connect(broker.url)
  const got: string[] = []
  await subscriber.transport.subscribe('offline.*', (_, frame) => void got.push(text(frame)))
  const offline = async () => {
    await proxy.refuse()
    proxy.reset()
    await eventually(() => expect(publisher.statuses.at(-1)?.type).toMatch('reconnecting'))
  }
  return { proxy, got, offline, ...publisher }
}

const lost = ({ statuses }: Awaited<ReturnType<typeof pair>>) =>
  statuses.reduce((sum, status) => sum + (status.type === 'messages-lost' ? (status.count ?? 0) : 0), 0)

describe('while there is no connection', () => {
  it('keeps what is published, in order, and sends it when there is one', async () => {
    const { transport, proxy, got, offline } = await pair()
    await offline()
    const confirmed = list(100).map(async body => {
      await transport.publish('offline.b', { body: bytes(body) })
      await transport.publish('offline.a', { body: bytes(`r${body}`) }, { reliable: true })
    })
    await proxy.restore()
    await Promise.all(confirmed)
    await transport.publish('offline.b', { body: bytes('after') })
    await eventually(() => expect(got).toHaveLength(201))
    // The broker's window holds reliable ones up, and no others.
    expect(got.filter(body => !body.startsWith('r'))).toEqual([...list(100), 'after'])
    expect(got.filter(body => body.startsWith('r'))).toEqual(list(100).map(body => `r${body}`))
  })

  it('drops the oldest when the buffer is full, and tells how many', async () => {
    const link = await pair({ offlineBuffer: { maxMessages: 10 } })
    await link.offline()
    const reliable = link.transport.publish('offline.a', { body: bytes('first') }, { reliable: true })
    for (const body of list(50)) await link.transport.publish('offline.a', { body: bytes(body) })
    await link.proxy.restore()
    await reliable
    await eventually(() => expect(link.got).toEqual(['first', ...list(9, 41)]))
    await eventually(() => expect(lost(link)).toBe(41))
    expect(link.statuses.filter(({ type }) => type === 'messages-lost').length).toBeLessThanOrEqual(2)
  })

  it('refuses what does not fit, where that is wanted', async () => {
    const { transport, offline, statuses } = await pair({ offlineBuffer: { maxBytes: 10, policy: 'reject' } })
    await offline()
    await transport.publish('offline.a', { body: bytes('12345') })
    for (const reliable of [false, true]) {
      await expect(transport.publish('offline.a', { body: bytes('123456') }, { reliable })).rejects.toMatchObject({
        code: 'BUFFER_FULL',
      })
    }
    await expect(transport.push('offline.a', { body: bytes('123456') })).rejects.toMatchObject({ code: 'BUFFER_FULL' })
    await transport.publish('offline.a', { body: bytes('12345') })
    expect(statuses.map(({ type }) => type)).not.toContain('messages-lost')
  })

  it('forgets what has expired', async () => {
    const link = await pair()
    await link.offline()
    await link.transport.publish('offline.a', { body: bytes('stale'), expiry: 50 })
    await link.transport.publish('offline.a', { body: bytes('fresh'), expiry: 60_000 })
    const request = link.transport.push('offline.a', { body: bytes('call'), expiry: 50 }).catch(error => error)
    await quiet(100)
    await link.proxy.restore()
    expect(await request).toMatchObject({ code: 'TIMEOUT' })
    await eventually(() => expect(link.got).toEqual(['fresh']))
    expect(lost(link)).toBe(1)
  })

  it('lets go of what is aborted, and of all when it closes', async () => {
    const { transport, proxy, got, offline, statuses } = await pair()
    await offline()
    const controller = new AbortController()
    const { signal } = controller
    const aborted = transport
      .publish('offline.a', { body: bytes('a') }, { reliable: true, signal })
      .catch(error => error)
    const pushed = transport.push('offline.a', { body: bytes('b') }, { signal }).catch(error => error)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await aborted).toBe(reason)
    expect(await pushed).toBe(reason)
    const reliable = transport.publish('offline.a', { body: bytes('c') }, { reliable: true }).catch(error => error)
    await transport.publish('offline.a', { body: bytes('d') })
    await transport.close()
    expect(await reliable).toMatchObject({ code: 'CLOSED' })
    expect(statuses.at(-1)).toMatchObject({ type: 'messages-lost', count: 1 })
    await proxy.restore()
    await quiet()
    expect(got).toEqual([])
  })

  it('keeps what is published before the first connection, if it waits for the broker', async () => {
    const proxy = await createFaultProxy(broker)
    after(proxy.close)
    await proxy.refuse()
    const { transport } = await connect(proxy.url('mqtt'), {}, { waitForBroker: true })
    const got: string[] = []
    const subscribing = transport.subscribe('offline.first', (_, frame) => void got.push(text(frame)))
    await transport.publish('offline.first', { body: bytes('x') })
    await proxy.restore()
    await subscribing
    await eventually(() => expect(got).toEqual(['x']))
  })
})

describe('a slow line', () => {
  it('makes a publisher that waits go as fast as it', async () => {
    const { transport, proxy, got } = await pair()
    proxy.bandwidth(4 * 1024 * 1024)
    const body = new Uint8Array(64 * 1024).fill(0x30)
    const start = performance.now()
    for (let i = 0; i < 200; i++) await transport.publish('offline.bulk', { body })
    // 12.5 MiB at 4 MiB/s, of which some MiB may wait in sockets.
    expect(performance.now() - start).toBeGreaterThan(500)
    proxy.bandwidth(Infinity)
    await eventually(() => expect(got).toHaveLength(200), 10_000)
  })

  it('lets a publisher go on when the line breaks', async () => {
    const { transport, proxy } = await pair()
    proxy.bandwidth(1024)
    const body = new Uint8Array(256 * 1024)
    const all = Promise.all(Array.from({ length: 20 }, () => transport.publish('offline.bulk', { body })))
    await quiet(50)
    proxy.reset()
    proxy.bandwidth(Infinity)
    await all
  })
})
