import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { topic } from '@commlib/core'
import type { Frame } from '@commlib/core/internal'
import { mqtt } from '@commlib/mqtt'
import { startMosquitto } from '@commlib/testing'
import { describe, expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { Spool, type SpoolSettings } from '../src/spool/spool.ts'
import { after, eventually, fresh, kinds, nodeOn } from './world.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'commlib-spool-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const frameOf = (text: string, more: Partial<Frame> = {}): Frame => ({ body: Buffer.from(text), ...more })
const parcel = (text: string, more?: Partial<Frame>) => ({
  topic: 'a.b',
  frame: frameOf(text, more),
  at: performance.now(),
})

async function open(path: string, settings: Partial<SpoolSettings> = {}) {
  const dropped: string[] = []
  const spool = await Spool.open(
    { path, maxBytes: 1e9, maxMessages: 1e6, maxAge: Infinity, whenFull: 'block', sync: false, ...settings },
    (count, why) => dropped.push(`${count}: ${why}`),
  )
  after(() => spool.close())
  return { spool, dropped }
}

async function texts(spool: Spool): Promise<string[]> {
  const all: string[] = []
  for (let read = await spool.read(); read.length > 0; read = await spool.read()) {
    for (const { frame, remove } of read) {
      all.push(Buffer.from(frame.body).toString())
      await remove()
    }
  }
  return all
}

describe('a spool', () => {
  it.each([false, true])('gives back what was written, in order, also to the next process (sync: %s)', async sync => {
    const path = folder()
    const first = await open(path, { sync })
    const sent = Array.from({ length: 1000 }, (_, i) => `message ${i}`)
    await Promise.all(sent.map(text => first.spool.append(parcel(text, { headers: { id: text } }))))
    const [one, two] = await first.spool.read()
    expect(one).toMatchObject({ topic: 'a.b', frame: { headers: { id: 'message 0' } } })
    await one?.remove()
    expect(two?.frame.headers).toEqual({ id: 'message 1' })
    await first.spool.close()
    const second = await open(path)
    expect(second.spool.size).toBe(999)
    await second.spool.append(parcel('last'))
    expect(await texts(second.spool)).toEqual([...sent.slice(1), 'last'])
    expect([second.spool.size, second.spool.bytes]).toEqual([0, 0])
  })

  it('is locked by who has it open', async () => {
    const path = folder()
    await open(path)
    await expect(open(path)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('another bridge or process has it open'),
    })
  })

  it('drops the oldest when it is full', async () => {
    const { spool, dropped } = await open(folder(), { maxMessages: 3, whenFull: 'drop-oldest' })
    for (const text of ['1', '2', '3', '4', '5']) await spool.append(parcel(text))
    expect(await texts(spool)).toEqual(['3', '4', '5'])
    expect(dropped).toHaveLength(2)
  })

  it('drops the newest when it is full', async () => {
    const { spool, dropped } = await open(folder(), { maxMessages: 3, whenFull: 'drop-newest' })
    for (const text of ['1', '2', '3', '4', '5']) await spool.append(parcel(text))
    expect(await texts(spool)).toEqual(['1', '2', '3'])
    expect(dropped).toHaveLength(2)
  })

  it('lets wait until there is room', async () => {
    const { spool } = await open(folder(), { maxBytes: 100 })
    const done: string[] = []
    const all = ['1', '2', '3', '4', '5', '6', '7', '8'].map(text =>
      spool.append(parcel(text)).then(() => done.push(text)),
    )
    await eventually(() => expect(done.length).toBeGreaterThan(1))
    expect(done.length).toBeLessThan(8)
    expect(spool.bytes).toBeLessThanOrEqual(100)
    const read: string[] = []
    await eventually(async () => {
      read.push(...(await texts(spool)))
      expect(read).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
    })
    await Promise.all(all)
  })

  it.each([
    ['block', ['1', '2', '4', '5']],
    ['drop-oldest', ['2', '4', '5']],
    ['drop-newest', ['1', '2', '4']],
  ] as const)('keeps copies of what is on its way, which are no loss (%s)', async (whenFull, left) => {
    const { spool, dropped } = await open(folder(), { maxMessages: 3, whenFull })
    const [first, , , last] = ['0', '1', '2', '3'].map(text => spool.copy(parcel(text)))
    expect(await first?.kept).toBe(true)
    // One that never had a place, and one that had: both have arrived.
    for (const copy of [last, last, first, first]) copy?.remove()
    for (const text of ['4', '5']) void spool.append(parcel(text))
    const read: string[] = []
    await eventually(async () => {
      read.push(...(await texts(spool)))
      expect(read).toEqual(left)
    })
    expect(await last?.kept).toBe(false)
    expect([spool.size, spool.bytes, spool.empty]).toEqual([0, 0, true])
    expect(dropped).toHaveLength(whenFull === 'drop-newest' ? 1 : 0)
  })

  it('drops what is too old, has expired, or is larger than all of it', async () => {
    const { spool, dropped } = await open(folder(), { maxAge: 50, maxBytes: 1000 })
    await spool.append(parcel('old'))
    await new Promise(resolve => setTimeout(resolve, 60))
    await spool.append(parcel('expires', { expiry: 1 }))
    await spool.append(parcel('stays', { expiry: 60_000 }))
    await spool.append(parcel('x'.repeat(2000)))
    await new Promise(resolve => setTimeout(resolve, 5))
    const [left, ...none] = await spool.read()
    expect(none).toEqual([])
    expect(Buffer.from(left?.frame.body ?? []).toString()).toBe('stays')
    expect(left?.frame.expiry).toBeGreaterThan(50_000)
    expect(dropped).toHaveLength(3)
  })
})

describe('a bridge with a spool', () => {
  it('keeps what the sink cannot take, and sends it in order when it can', async () => {
    const broker = await startMosquitto({
      persistence: true,
      config: ['set_tcp_nodelay true', 'max_queued_messages 0'],
    })
    after(() => broker.close())
    const [kind] = kinds
    const hub = await (kind as (typeof kinds)[number]).start()
    const [source, sensor] = await Promise.all([nodeOn(hub), nodeOn(hub)])
    const there = { url: broker.url, connect: () => mqtt(broker.url), close: async () => {} }
    const [sink, cloud] = await Promise.all([nodeOn(there), nodeOn(there)])
    const Count = topic<{ n: number }>(fresh('count'))
    const path = folder()
    const options = {
      namespace: 'edge',
      reliable: true,
      source: { durable: fresh('edge') },
      spool: { path, maxBytes: 10_000_000 },
    }
    let made = await bridge(source, sink, Count, options)
    after(() => made.close())
    const got: number[] = []
    const Mirror = topic<{ n: number }>(`edge.${Count.name}`)
    await cloud.subscribe(Mirror, ({ n }) => got.push(n), { durable: fresh('cloud') })
    const publisher = sensor.publisher(Count)
    let n = 0
    const some = async (count: number) => {
      for (let i = 0; i < count; i++) await publisher.publish({ n: n++ }, { reliable: true })
    }
    await some(100)
    await eventually(() => expect(got).toHaveLength(100))
    await broker.stop()
    await some(2000)
    await eventually(() => expect(made.counters.spooled).toBeGreaterThan(1000))
    expect(made.counters.lag).toBeGreaterThan(0)
    // The process that had it ends; another goes on.
    await made.close()
    made = await bridge(source, sink, Count, options)
    expect(made.counters.spooled).toBeGreaterThan(1000)
    await some(100)
    await broker.start()
    await eventually(() => expect(new Set(got).size).toBe(2200), 15_000)
    await some(10)
    await eventually(() => expect(new Set(got).size).toBe(2210))
    await eventually(() => expect(made.counters).toMatchObject({ spooled: 0, dropped: 0, lag: 0 }))
    // Repetitions aside, in order.
    const firsts = got.filter((each, i) => got.indexOf(each) === i)
    expect(firsts).toEqual(Array.from({ length: 2210 }, (_, i) => i))
  })

  it('says what a wrong spool is', async () => {
    const [kind] = kinds
    const hub = await (kind as (typeof kinds)[number]).start()
    const node = await nodeOn(hub)
    const Any = topic('any.*')
    const wrong = (spool: object) => bridge(node, node, Any, { namespace: 'x', spool } as never)
    await expect(wrong({})).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('path') })
    await expect(wrong({ path: folder(), maxBites: 1 })).rejects.toThrow("spool has no option 'maxBites'")
    await expect(wrong({ path: folder(), whenFull: 'block' })).rejects.toThrow('needs reliable: true')
    expect(node.ports).toEqual([])
  })
})
