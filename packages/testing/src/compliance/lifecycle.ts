import type { AbortOptions, Transport } from '@commlib/core/internal'
import { describe, expect, it, vi } from 'vitest'
import {
  bytes,
  type ComplianceOptions,
  createBench,
  eventually,
  numbers,
  outcome,
  quiet,
  text,
  unique,
} from './bench.ts'

/** Every verb, for what must be true of all of them. */
const VERBS: ReadonlyArray<readonly [string, (transport: Transport, options?: AbortOptions) => Promise<unknown>]> = [
  ['publish()', (transport, options) => transport.publish(unique(), { body: bytes('x') }, options)],
  ['subscribe()', (transport, options) => transport.subscribe(unique(), () => {}, options)],
  ['push()', (transport, options) => transport.push(unique(), { body: bytes('x') }, options)],
  ['pull()', (transport, options) => transport.pull(unique(), () => {}, options)],
  ['inbox()', (transport, options) => transport.inbox(() => {}, options)],
]

export function testLifecycle(options: ComplianceOptions): void {
  const bench = createBench(options)

  it('has a name and says what it supports before it is connected', () => {
    const transport = options.create()
    expect(transport.name).toMatch(/^[\w-]+$/)
    expect(transport.supports).toMatchObject({
      properties: expect.any(Boolean),
      queueing: expect.any(Boolean),
      competing: expect.any(Boolean),
      groups: expect.toBeOneOf([true, false, 'reliable']),
      durable: expect.any(Boolean),
      expiry: expect.any(Boolean),
      headers: expect.stringMatching(/^(always|reliable|never)$/),
      deadLetter: expect.any(Boolean),
      reliable: expect.toBeOneOf([true, false, 'plain']),
      latched: expect.toBeOneOf([true, false, 'plain']),
      groupTakeover: expect.toBeOneOf(['at-once', 'after-idle', 'never']),
      noService: expect.toBeOneOf(['always', 'confirmed', 'never']),
    })
  })

  it('connects once, however often it is asked to', async () => {
    const transport = bench.create()
    const statuses: string[] = []
    const onStatus = ({ type }: { readonly type: string }) => void statuses.push(type)
    await Promise.all([transport.connect({ onStatus }), transport.connect()])
    await transport.connect({ onStatus })
    expect(statuses).toEqual(['connected'])
    await transport.publish(unique(), { body: bytes('x') })
  })

  it('closes once, however often it is asked to', async () => {
    const transport = await bench.connect()
    await Promise.all([transport.close(), transport.close()])
    await transport.close()
    await transport[Symbol.asyncDispose]()
  })

  it('closes without having been connected', async () => {
    await bench.create().close()
  })

  it('leaves nothing open, however often it connects and closes', async () => {
    const open = () => process.getActiveResourcesInfo().length
    const cycle = async () => {
      const transport = options.create()
      await transport.connect()
      await transport.subscribe(unique(), () => {}, bench.supports.reliable ? { reliable: true } : {})
      await transport.pull(unique(), () => {})
      await transport.inbox(() => {})
      await transport.publish(unique(), { body: bytes('x') })
      await transport.close()
    }
    await cycle()
    const before = open()
    for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: 20 }, cycle))
    await eventually(() => expect(open()).toBeLessThanOrEqual(before))
  })

  it('does not connect when the signal has aborted', async () => {
    const reason = new Error('changed my mind')
    const connecting = bench.create().connect({ signal: AbortSignal.abort(reason) })
    await expect(connecting).rejects.toBe(reason)
  })

  it('delivers what was published before it closed', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    await b.subscribe(topic, (_, frame) => void got.push(text(frame)))
    const sent = numbers(50)
    await Promise.all(sent.map(body => a.publish(topic, { body: bytes(body) })))
    await a.close()
    await eventually(() => expect(got).toEqual(sent))
  })

  it('delivers nothing when it has closed', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const name = unique()
    const got = vi.fn()
    await b.subscribe(name, got)
    await b.subscribe(`${name}.*`, got)
    await b.pull(`${name}q`, got)
    await b.close()
    await a.publish(name, { body: bytes('x') })
    await a.publish(`${name}.x`, { body: bytes('x') })
    await a.push(`${name}q`, { body: bytes('x') })
    await quiet()
    expect(got).not.toHaveBeenCalled()
  })

  it('has subscriptions, consumers and inboxes that are disposed of, also after it', async () => {
    const transport = await bench.connect()
    const owned = await Promise.all([
      transport.subscribe(unique(), () => {}),
      transport.pull(unique(), () => {}),
      transport.inbox(() => {}),
    ])
    const [subscription] = owned
    await subscription[Symbol.asyncDispose]()
    await transport.close()
    for (const each of owned) {
      await each.close()
      await each[Symbol.asyncDispose]()
    }
  })

  it('does not wait for running handlers when it closes', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const name = unique()
    const running = vi.fn(() => new Promise<void>(() => {}))
    await b.pull(name, running)
    await a.push(name, { body: bytes('x') })
    await eventually(() => expect(running).toHaveBeenCalled())
    expect(await outcome(b.close(), 3000)).toBe('resolved')
  })

  it('does not mix up leaving a topic and subscribing to it again', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    let subscription = await b.subscribe(topic, () => void got.push('0'))
    for (const number of numbers(10).slice(1)) {
      const closing = subscription.close()
      subscription = await b.subscribe(topic, () => void got.push(number))
      await closing
    }
    await a.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['9']))
    const again = b.subscribe(topic, () => void got.push('both'))
    await Promise.all([subscription.close(), again])
    await a.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['9', 'both']))
  })

  describe.each(VERBS)('%s', (_, call) => {
    it('fails when the transport is closed', async () => {
      const transport = await bench.connect()
      await transport.close()
      await expect(call(transport)).rejects.toMatchObject({ code: 'CLOSED' })
    })

    it('settles when the transport closes meanwhile', async () => {
      const transport = await bench.connect()
      const called = call(transport).catch(error => error)
      await transport.close()
      expect(await outcome(called, 3000)).toBe('resolved')
      const result = await called
      if (result instanceof Error) expect(result).toMatchObject({ code: 'CLOSED' })
    })

    it('rejects with the reason of a signal that has aborted, and does nothing', async () => {
      const transport = await bench.connect()
      const reason = new Error('changed my mind')
      await expect(call(transport, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    })

    it('takes a signal that aborts later, when it is over', async () => {
      const transport = await bench.connect()
      const controller = new AbortController()
      await call(transport, { signal: controller.signal })
      controller.abort()
      await call(transport)
    })
  })
}
