import { gzipSync } from 'node:zlib'
import { Type } from 'typebox'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fuzz } from '../../../testing/src/compliance/nodes/hostile-bodies.ts'
import { checked } from '../../src/contracts/typebox.ts'
import { deflate } from '../../src/deflate.ts'
import { CommlibError, type Frame, json, memory, RemoteError, rpc, type Transport, topic } from '../../src/index.ts'
import { deferred, settle, testNode } from '../support/nodes.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
/** More of them with COMMLIB_FUZZ=1000000. */
const FUZZED = Number(process.env['COMMLIB_FUZZ'] ?? 100_000)

let raw: Transport
let hubs = 0
let hub = ''
beforeEach(async () => {
  hub = `hostile-${hubs++}`
  raw = memory(hub)
  await raw.connect()
})
afterEach(() => raw.close())

const node = (options = {}) => testNode({ transport: memory(hub), ...options })

const Count = Type.Object({ n: Type.Number() })

describe('a node', () => {
  it(`takes ${FUZZED} fuzzed bodies, and holds on to none of them`, { timeout: 600_000 }, async () => {
    let told = 0
    const b = await node({ onError: () => told++ })
    const got: number[] = []
    const Counts = topic('fuzz.counts', Count)
    const Double = rpc('fuzz.double', { request: Count, response: Count })
    await b.subscribe(Counts, ({ n }) => void got.push(n), { maxBuffered: 10 })
    await b.serve(Double, ({ n }) => ({ n: 2 * n }))
    const good = [
      '{"n":1}',
      '{"header":{"reply_to":"rpc-1","timestamp":1795228810238658767,"content_type":"json","encoding":"utf8","agent":"commlib"},"data":{"n":3}}',
      '{"n":1,"text":"\\u005f ä 😀","list":[1,[2,[3]],{"a":null}]}',
      '{"correlation_id":"abc"}',
    ]
    const addresses = [Counts.name, `${Double.name}._cancel`]
    const before = process.memoryUsage().heapUsed
    let i = 0
    for (const body of fuzz(good, FUZZED, 7)) {
      if (i % 3 === 2) await raw.push(Double.name, { body })
      else await raw.publish(addresses[i % 3] as string, { body })
      if (++i % 1000 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await raw.publish(Counts.name, { body: bytes('{"n":424242}') })
    await vi.waitFor(() => expect(got.at(-1)).toBe(424_242))
    expect(await b.client(Double)({ n: 2 })).toEqual({ n: 4 })
    expect(told).toBeGreaterThan(FUZZED / 4)
    got.length = 0
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150 * 1024 * 1024)
  })

  it('refuses 64 MB, and does not read them', async () => {
    const b = await node()
    const got: unknown[] = []
    await b.subscribe(topic('large.counts', Count), count => void got.push(count))
    await b.serve(rpc('large.call'), () => ({}))
    // No UTF-8: were it read, that would be told.
    const body = new Uint8Array(64 * 1024 * 1024).fill(0xff)
    await raw.publish('large.counts', { body })
    await raw.push('large.call', { body })
    await raw.publish('large.counts', { body: bytes('{"n":1}') })
    await vi.waitFor(() => expect(got).toEqual([{ n: 1 }]))
    expect(b.errors).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }, { code: 'MESSAGE_TOO_LARGE' }])
  })

  it('refuses a zip bomb, and what is compressed otherwise or not at all', async () => {
    const codec = deflate(json)
    const b = await node({ codec })
    const a = await node({ codec })
    const got: unknown[] = []
    const Counts = topic('bomb.counts', Count)
    await b.subscribe(Counts, count => void got.push(count))
    const bomb = deflate({ ...json, encode: value => value as Uint8Array }).encode(new Uint8Array(256 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(300_000)
    const before = process.memoryUsage().rss
    for (let i = 0; i < 20; i++) await raw.publish(Counts.name, { body: bomb })
    for (const body of [bytes('{"n":2}'), gzipSync('{"n":3}'), bomb.subarray(0, 100), codec.encode('x').subarray(1)]) {
      await raw.publish(Counts.name, { body })
    }
    await a.publisher(Counts).publish({ n: 1 })
    await vi.waitFor(() => expect(got).toEqual([{ n: 1 }]))
    expect(b.errors).toHaveLength(24)
    for (const error of b.errors) expect(error).toMatchObject({ code: 'DECODE_FAILED' })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
  })

  it('keeps no more messages than it was told while a schema checks them', async () => {
    const held = deferred()
    let checking = 0
    const Slow = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) => {
          checking++
          await held.promise
          return { value }
        },
      },
    }
    const statuses: unknown[] = []
    const b = await node({ onStatus: (status: unknown) => void statuses.push(status) })
    const got: unknown[] = []
    await b.subscribe(topic('slow.counts', Slow), count => void got.push(count), { maxBuffered: 10 })
    for (let n = 0; n < 100; n++) await raw.publish('slow.counts', { body: bytes(`{"n":${n}}`) })
    await vi.waitFor(() =>
      expect(statuses).toContainEqual(expect.objectContaining({ type: 'messages-lost', count: 90 })),
    )
    held.resolve()
    await vi.waitFor(() => expect(got).toHaveLength(10))
    expect(checking).toBe(10)
  })

  it('logs what others send as one line, without what a terminal obeys', async () => {
    const lines: string[] = []
    const line = (message: string) => void lines.push(message)
    const log = { debug: line, info: line, warn: line, error: line }
    const b = await node({ log, onError: undefined, debug: true })
    await b.subscribe(topic('log.counts', Count), () => {})
    await b.serve(rpc('log.call'), () => {
      throw new Error('first line\nsecond \u001b[2J line\u202e')
    })
    const evil = '{"n": "\u001b[31m\nERROR: all is lost\u0007\u009b", "password": "sesame"}'
    const frame: Frame = { body: bytes(evil), replyTo: 'rpc-\u001b[31m\nx', correlationId: '\nERROR' }
    await raw.publish('log.counts', frame)
    await raw.push('log.call', frame)
    await b
      .client(rpc('log.call'))({})
      .catch(() => {})
    await settle()
    expect(lines.length).toBeGreaterThan(5)
    for (const each of lines) {
      expect(each).toMatch(/^[^\p{Cc}\u202e]+$/u)
      expect(each).not.toContain('sesame')
    }
  })
})

describe('an error', () => {
  it('of ours is one line, however long and wild what it tells of', () => {
    const error = new CommlibError('INVALID_MESSAGE', `a\r\nb\u001b[31m\u0085\u2028\u202e${'x'.repeat(5000)}`)
    expect(error.message).toMatch(/^a\\u000d\\u000ab\\u001b\[31m\\u0085\\u2028\\u202ex+…$/)
    expect(error.message.length).toBeLessThan(2100)
    expect(error.stack).not.toContain('\u001b')
    const remote = { name: 'Error', message: 'a\nb' }
    expect(new RemoteError(remote)).toMatchObject({ message: 'a\\u000ab', remote })
  })
})

describe('a schema', () => {
  it('of unions that hold themselves is checked in a time that grows with the message, not with its depth', () => {
    const branch = (kind: string) =>
      Type.Object({
        kind: Type.Literal(kind),
        n: Type.Integer({ default: 0 }),
        child: Type.Optional(Type.Ref('Node')),
      })
    const { incoming } = checked(Type.Cyclic({ Node: Type.Union([branch('a'), branch('b'), branch('c')]) }, 'Node'))
    let value: unknown = { kind: 'c' }
    for (let depth = 0; depth < 60; depth++) value = { kind: 'c', child: value }
    const start = performance.now()
    let level = incoming(value) as { n: number; child?: typeof level } | undefined
    expect(performance.now() - start).toBeLessThan(1000)
    let depth = 0
    for (; level !== undefined; level = level.child) {
      expect(level.n).toBe(0)
      depth++
    }
    expect(depth).toBe(61)
    // The same again is not what was remembered of the last one.
    expect(incoming({ kind: 'a', n: '-5' })).toEqual({ kind: 'a', n: -5 })
  })

  it.each(['1e400', '"1e400"', '"Infinity"', '"NaN"', '"0x10"', '"1 "', 'true', '[1]', '{"valueOf":1}'])(
    'of numbers does not take %s',
    n => expect(() => checked(Count).incoming(JSON.parse(`{"n":${n}}`))).toThrow('/n must be number'),
  )
})
