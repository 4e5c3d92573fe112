import type { Transport } from '@commlib/core/internal'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Broker } from '../brokers/broker.ts'
import { createFaultProxy, type FaultProxy } from '../fault-proxy.ts'
import {
  bytes,
  type ComplianceOptions,
  createBench,
  eventually,
  type Link,
  numbers,
  outcome,
  quiet,
  text,
  unique,
} from './bench.ts'
import { throughProxy } from './errors.ts'

/** Milliseconds in which everything must be back when the broker is. */
const RECOVERY = 2000

/** What the transport is told to wait for a sign of life, for the tests that take the line away. */
const KEEPALIVE = 1000

export function testReconnect(options: ComplianceOptions & { readonly broker: Broker }): void {
  const { broker } = options
  const bench = createBench(options)
  const { supports } = bench
  let proxy: FaultProxy
  let url: string
  beforeEach(async () => {
    const opened = await createFaultProxy(broker)
    bench.after(opened.close)
    proxy = opened
    url = throughProxy(broker, proxy)
    if (!broker.can.restart) return
    // The next test finds a running broker, whatever becomes of this one.
    bench.after(async () => {
      await broker.resume()
      await broker.start()
    })
  })

  const types = ({ statuses }: Link) =>
    statuses.map(({ type }) => type).filter(type => /^(connected|disconnected|reconnecting)$/.test(type))

  /** Each breaks the connection and mends what it broke. */
  const disturbances: ReadonlyArray<readonly [string, (link: Link) => Promise<void>]> = [
    ['a reset', async () => proxy.reset()],
    ['an end', async () => proxy.end()],
    [
      'a silent line',
      async link => {
        const before = types(link).length
        await proxy.halfOpen()
        // The proxy resets what it held; by then it must have been noticed.
        await eventually(() => expect(types(link).slice(before)).toContain('disconnected'), 4 * KEEPALIVE)
        await proxy.restore()
      },
    ],
    [
      'half a second without the broker',
      async () => {
        await proxy.refuse()
        proxy.reset()
        await quiet(500)
        await proxy.restore()
      },
    ],
    ...(broker.can.restart
      ? ([
          [
            'a restart of the broker',
            async () => {
              await broker.stop()
              await broker.start()
            },
          ],
          [
            'a broker that is killed and started',
            async () => {
              // RabbitMQ writes down only then that there is a new quorum queue.
              await quiet(1000)
              await broker.kill()
              await broker.start()
            },
          ],
        ] as const)
      : []),
  ]

  /** Resolves when the link has lost its connection and has one again. */
  const back = (link: Link, before: number) =>
    eventually(() => {
      const since = types(link).slice(before)
      expect(since).toContain('disconnected')
      expect(since.at(-1)).toBe('connected')
    }, RECOVERY)

  /** A link that uses everything there is, and what reached it. */
  const occupied = async () => {
    const link = await bench.link({ url, keepalive: KEEPALIVE })
    const { transport } = link
    const root = unique()
    const got: string[] = []
    const listener = (name: string) => (topic: string) => void (topic.startsWith(root) && got.push(name))
    await transport.subscribe(`${root}.topic`, listener('topic'))
    await transport.subscribe(`${root}.topic`, listener('topic again'))
    await transport.subscribe(`${root}.pattern.*`, listener('pattern'))
    if (supports.reliable) await transport.subscribe(`${root}.reliable`, listener('reliable'), { reliable: true })
    if (supports.groups) await transport.subscribe(`${root}.group`, listener('group'), { group: root })
    if (supports.durable) await transport.subscribe(`${root}.durable`, listener('durable'), { durable: root })
    const left = await transport.subscribe(`${root}.topic`, listener('left'))
    await left.close()
    await transport.pull(`${root}.queue`, () => void got.push('queue'))
    const inbox = await transport.inbox(token => void got.push(token))
    const expected = ['topic', 'topic again', 'pattern', 'queue', 'answer']
    if (supports.reliable) expected.push('reliable')
    if (supports.groups) expected.push('group')
    if (supports.durable) expected.push('durable')

    /** Sends to all of it, and expects every part once. */
    const verify = async (from: Transport) => {
      got.length = 0
      const body = bytes('x')
      await from.publish(`${root}.topic`, { body })
      await from.publish(`${root}.pattern.x`, { body })
      if (supports.reliable) await from.publish(`${root}.reliable`, { body }, { reliable: true })
      if (supports.groups) await from.publish(`${root}.group`, { body }, { reliable: supports.groups === 'reliable' })
      if (supports.durable) await from.publish(`${root}.durable`, { body }, { reliable: true })
      await from.push(`${root}.queue`, { body })
      await question(transport, from, inbox.reserve('answer'))
      await eventually(() => expect([...got].sort()).toEqual([...expected].sort()))
      await quiet()
      expect(got).toHaveLength(expected.length)
    }

    /** Lets `service` answer a call of `from`, over a queue made for it. */
    const question = async (from: Transport, service: Transport, replyTo: string) => {
      const queue = unique()
      const answering = await service.pull(queue, async frame => {
        const address = supports.properties ? frame.replyTo : replyTo
        await service.push(address ?? '', { body: bytes('x'), correlationId: 'answer' })
      })
      await from.push(queue, { body: bytes('x'), replyTo, correlationId: 'answer' })
      await eventually(() => expect(got).toContain('answer'))
      await answering.close()
    }
    return { link, verify }
  }

  describe.each(disturbances)('after %s', (_, disturb) => {
    it('everything is back within two seconds, and nothing twice', async () => {
      const other = await bench.link({ keepalive: KEEPALIVE })
      const { link, verify } = await occupied()
      await verify(other.transport)
      const before = types(link).length
      const otherBefore = types(other).length
      await disturb(link)
      await back(link, before)
      if (types(other).length > otherBefore || types(other).at(-1) !== 'connected') await back(other, otherBefore)
      await verify(other.transport)
    })

    it('statuses tell it in order', async () => {
      const link = await bench.link({ url, keepalive: KEEPALIVE })
      const before = types(link).length
      await disturb(link)
      await back(link, before)
      expect(types(link).join(' ')).toMatch(/^connected( disconnected( reconnecting)* connected)+$/)
    })
  })

  it('holds after one fault has followed another', async () => {
    const other = await bench.connect()
    const { link, verify } = await occupied()
    // A third in so short a time may be taken for another client with the same name.
    for (const fault of [proxy.reset, proxy.end]) {
      const before = types(link).length
      fault()
      await back(link, before)
      await verify(other)
    }
  })

  it('is tried again after a connection that broke in its first bytes', async () => {
    const other = await bench.connect()
    const { link, verify } = await occupied()
    const before = types(link).length
    proxy.reset()
    proxy.cutAfter(10)
    await back(link, before)
    await verify(other)
  })

  it('is not needed because the process itself was busy for most of a keepalive, again and again', async () => {
    // What a machine under load adds to a pause must not make it a whole one.
    const keepalive = 2 * KEEPALIVE
    const link = await bench.link({ keepalive })
    const topic = unique()
    const got: string[] = []
    await link.transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    for (let i = 0; i < 3; i++) {
      busy(0.7 * keepalive)
      await quiet(50)
    }
    await link.transport.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['x']))
    expect(types(link)).toEqual(['connected'])
    // Longer than all of it: the broker may end the connection, and then everything is back.
    busy(1.7 * keepalive)
    await quiet(50)
    await eventually(() => expect(types(link).at(-1)).toBe('connected'), RECOVERY)
    await link.transport.publish(topic, { body: bytes('y') })
    await eventually(() => expect(got).toEqual(['x', 'y']))
    expect(types(link).filter(type => type === 'disconnected').length).toBeLessThanOrEqual(1)
  })

  it('can be closed meanwhile, which ends what is pending', async () => {
    const { transport } = await bench.link({ url })
    await proxy.refuse()
    proxy.reset()
    await quiet(50)
    const pending = [transport.subscribe(unique(), () => {}), transport.pull(unique(), () => {})]
    const settled = Promise.all(pending.map(each => each.catch(error => error)))
    expect(await outcome(transport.close(), RECOVERY)).toBe('resolved')
    expect(await outcome(settled, 1000)).toBe('resolved')
    for (const result of await settled) expect(result).toMatchObject({ code: 'CLOSED' })
    const { accepted } = proxy
    await proxy.restore()
    await quiet(1500)
    expect(proxy.accepted).toBe(accepted)
  })

  it('establishes what was subscribed and forgets what was closed meanwhile', async () => {
    const other = await bench.connect()
    const { transport } = await bench.link({ url })
    const topic = unique()
    const got: string[] = []
    const old = await transport.subscribe(topic, () => void got.push('old'))
    await proxy.refuse()
    proxy.reset()
    await quiet(50)
    const subscribing = transport.subscribe(topic, () => void got.push('new'))
    const closing = old.close()
    await proxy.restore()
    expect(await outcome(subscribing, RECOVERY)).toBe('resolved')
    await closing
    await other.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['new']))
    await quiet()
    expect(got).toEqual(['new'])
  })

  it('leaves no publish and no push hanging', async () => {
    const link = await bench.link({ url })
    const { transport } = link
    const before = types(link).length
    await proxy.refuse()
    proxy.reset()
    await quiet(50)
    const sent = [transport.publish(unique(), { body: bytes('x') }), transport.push(unique(), { body: bytes('x') })]
    const settled = Promise.all(sent.map(each => each.catch(error => error)))
    await proxy.restore()
    await back(link, before)
    expect(await outcome(settled, RECOVERY)).toBe('resolved')
    for (const result of await settled) {
      if (result !== undefined)
        expect(result).toMatchObject({ code: expect.stringMatching(/CONNECTION_LOST|BUFFER_FULL/) })
    }
  })

  if (!supports.reliable) return

  it('sends reliable messages that were published meanwhile', async () => {
    const other = await bench.connect()
    const { transport } = await bench.link({ url })
    const topic = unique()
    const got = new Set<string>()
    await other.subscribe(topic, (_, frame) => void got.add(text(frame)), { reliable: true })
    await proxy.refuse()
    proxy.reset()
    await quiet(50)
    const sent = numbers(20)
    const all = Promise.all(sent.map(body => transport.publish(topic, { body: bytes(body) }, { reliable: true })))
    expect(await outcome(all, 100)).toBe('pending')
    await proxy.restore()
    expect(await outcome(all, RECOVERY)).toBe('resolved')
    await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
  })

  it('ends a reliable publish whose signal aborts meanwhile', async () => {
    const { transport } = await bench.link({ url })
    await proxy.refuse()
    proxy.reset()
    await quiet(50)
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const options = { reliable: true, signal: controller.signal }
    const sending = transport.publish(unique(), { body: bytes('x') }, options)
    setTimeout(() => controller.abort(reason), 20)
    await expect(sending).rejects.toBe(reason)
  })

  it('loses no reliable message to a line that is cut in the middle', async () => {
    const other = await bench.connect()
    const { transport } = await bench.link({ url })
    const topic = unique()
    const got = new Set<string>()
    await other.subscribe(topic, (_, frame) => void got.add(text(frame)), { reliable: true })
    proxy.cutAfter(5000)
    const sent = numbers(500)
    const sending = sent.map(body => transport.publish(topic, { body: bytes(body) }, { reliable: true }))
    expect(await outcome(Promise.all(sending), 2 * RECOVERY)).toBe('resolved')
    await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
    expect(proxy.accepted).toBeGreaterThan(1)
  })

  if (!supports.durable) return

  it('loses no message of a durable subscriber whose line is cut', async () => {
    const other = await bench.connect()
    const link = await bench.link({ url })
    const topic = unique()
    const got = new Set<string>()
    const listener = async (_: string, frame: Parameters<typeof text>[0]) => {
      await null
      got.add(text(frame))
    }
    await link.transport.subscribe(topic, listener, { durable: unique() })
    const sent = numbers(200)
    for (const body of sent) {
      if (body === '50') proxy.reset()
      if (body === '120') proxy.end()
      await other.publish(topic, { body: bytes(body) }, { reliable: true })
      if (body === '100') await eventually(() => expect(types(link).at(-1)).toBe('connected'))
    }
    await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
  })

  if (!options.persistent || !broker.can.restart) return

  it('loses no message that waits for a durable subscriber while the broker restarts', async () => {
    const other = await bench.link()
    const first = await bench.connect()
    const topic = unique()
    const durable = unique()
    const got = new Set<string>()
    const listener = (_: string, frame: Parameters<typeof text>[0]) => void got.add(text(frame))
    await first.subscribe(topic, listener, { durable })
    await first.close()
    const sent = numbers(50)
    for (const body of sent) await other.transport.publish(topic, { body: bytes(body) }, { reliable: true })
    await broker.stop()
    await broker.start()
    const second = await bench.connect()
    await second.subscribe(topic, listener, { durable })
    await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
  })
}

/** Keeps the event loop from turning. */
function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
