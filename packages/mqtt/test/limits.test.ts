import { createNode, rpc } from '@commlib/core'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import mqttjs from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mqtt } from '../src/index.ts'
import { after, bytes, connect, eventually, list, quiet, text } from './support.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ config: ['max_packet_size 1024', 'max_inflight_messages 1', 'persistence true'] })
})
afterAll(() => broker.close())

const types = (statuses: ReadonlyArray<{ readonly type: string }>) => statuses.map(({ type }) => type)

describe('a broker that takes packets of 1 KB and one unconfirmed message', () => {
  it('is sent nothing larger: the error has a type, and nothing disconnects', async () => {
    const { transport, statuses } = await connect(broker.url)
    const got: string[] = []
    await transport.subscribe('limits.a', (_, frame) => void got.push(text(frame)))
    const large = { body: new Uint8Array(1100) }
    const tooLarge = { code: 'MESSAGE_TOO_LARGE', message: expect.stringContaining('1024') }
    await expect(transport.publish('limits.a', large)).rejects.toMatchObject(tooLarge)
    await expect(transport.publish('limits.a', large, { reliable: true })).rejects.toMatchObject(tooLarge)
    await expect(transport.push('limits.a', large)).rejects.toMatchObject(tooLarge)
    await transport.publish('limits.a', { body: bytes('x') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['x']))
    await quiet(300)
    expect(types(statuses)).toEqual(['connected'])
  })

  it('is not sent what was aborted while it waited for the one before', async () => {
    const { transport } = await connect(broker.url)
    const got: string[] = []
    await transport.subscribe('limits.aborted', (_, frame) => void got.push(text(frame)))
    const controller = new AbortController()
    const publish = (body: string, signal?: AbortSignal) =>
      transport.publish('limits.aborted', { body: bytes(body) }, { reliable: true, signal })
    const [first, second, third] = [publish('1'), publish('2', controller.signal), publish('3')]
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    await expect(second).rejects.toBe(reason)
    await Promise.all([first, third])
    await eventually(() => expect(got).toEqual(['1', '3']))
    await quiet()
    expect(got).toHaveLength(2)
  })

  it('ends each connection over a larger one in MQTT 3.1.1, where it cannot tell, until that is given up', async () => {
    const { transport, statuses } = await connect(broker.url, { protocolVersion: 4 })
    const got: string[] = []
    // On a connection of its own: what one that is ended had still to be given is gone with its session.
    const subscriber = await connect(broker.url, { protocolVersion: 4 })
    await subscriber.transport.subscribe('limits.old', (_, frame) => void got.push(text(frame)), { reliable: true })
    const publish = (body: Uint8Array) => transport.publish('limits.old', { body }, { reliable: true })
    const sent = list(10).map(n => publish(bytes(n)))
    const large = publish(new Uint8Array(1100))
    sent.push(...list(10).map(n => publish(bytes(`later ${n}`))))
    await expect(large).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('1100 bytes'),
    })
    await Promise.all(sent)
    await eventually(() => expect(new Set(got)).toEqual(new Set([...list(10), ...list(10).map(n => `later ${n}`)])))
    const { length } = statuses
    await quiet(300)
    expect(statuses).toHaveLength(length)
    expect(statuses.at(-1)).toEqual({ type: 'connected' })
  })

  it('fails a call whose request or answer is larger, and no other', async () => {
    const errors: unknown[] = []
    const open = async () => {
      const options = { heartbeat: false, onError: (error: unknown) => void errors.push(error) } as const
      const node = await createNode({ transport: mqtt(broker.url), ...options })
      after(() => node.close())
      return node
    }
    const [a, b] = [await open(), await open()]
    const Repeat = rpc<{ readonly text: string; readonly times: number }, { readonly text: string }>('limits.repeat')
    await b.serve(Repeat, request => ({ text: request.text.repeat(request.times) }))
    const repeat = a.client(Repeat)
    await expect(repeat({ text: 'x'.repeat(2000), times: 0 })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await expect(repeat({ text: 'x', times: 2000 }, { timeout: 1000 })).rejects.toThrow()
    expect(errors).toContainEqual(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    expect(await repeat({ text: 'x', times: 3 })).toEqual({ text: 'xxx' })
  })

  it.each([5, 4] as const)('loses nothing of what is reliable, in MQTT %i', async protocolVersion => {
    const { transport } = await connect(broker.url, { protocolVersion, receiveMaximum: 1 })
    const name = `limits.one.${protocolVersion}`
    const got: string[] = []
    let running = 0
    let most = 0
    const listener = async (_: string, frame: Parameters<typeof text>[0]) => {
      most = Math.max(most, ++running)
      await null
      got.push(text(frame))
      running--
    }
    await transport.subscribe(name, listener, { reliable: true })
    const from = await connect(broker.url, { protocolVersion })
    await Promise.all(list(20).map(n => from.transport.publish(name, { body: bytes(n) }, { reliable: true })))
    await eventually(() => expect(got).toEqual(list(20)))
    expect(most).toBe(1)
  })
})

describe('a client id that somebody else takes', () => {
  it.each([5, 4] as const)('is not fought for, in MQTT %i', async protocolVersion => {
    const clientId = `taken-${protocolVersion}-${process.pid}`
    const { transport, statuses } = await connect(broker.url, { clientId, protocolVersion })
    await transport.subscribe('taken.a', () => {})
    let connections = 0
    const rival = mqttjs.connect(broker.url, { clientId, protocolVersion, reconnectPeriod: 20 })
    after(() => rival.endAsync(true))
    rival.on('connect', () => connections++)
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ fatal: true, error: { code: 'SESSION_TAKEN' } }))
    await expect(transport.publish('taken.a', { body: bytes('x') })).rejects.toMatchObject({ code: 'SESSION_TAKEN' })
    await quiet(300)
    const before = connections
    await quiet(500)
    expect(connections).toBe(before)
    expect(rival.connected).toBe(true)
  })
})

it('a durable session that the broker has forgotten is told, and everything comes back', async () => {
  const { transport, statuses } = await connect(broker.url)
  const got: string[] = []
  await transport.subscribe('lost.a', (_, frame) => void got.push(text(frame)), { durable: `lost-${process.pid}` })
  await broker.kill()
  await quiet(150)
  await broker.start()
  await eventually(() => expect(types(statuses)).toContain('session-lost'))
  await eventually(() => expect(types(statuses)).toContain('disconnected'))
  await eventually(() => expect(types(statuses).lastIndexOf('connected')).toBeGreaterThan(0))
  await transport.publish('lost.a', { body: bytes('x') }, { reliable: true })
  await eventually(() => expect(got).toEqual(['x']))
})
