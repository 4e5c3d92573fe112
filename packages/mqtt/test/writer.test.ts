import { createServer, connect as dial, type Socket } from 'node:net'
import { HIGH_WATER } from '@commlib/core/internal'
import { describe, expect, it } from 'vitest'
import { measure } from '../src/packet.ts'
import { Writer } from '../src/writer.ts'
import { after, eventually } from './support.ts'

/** A connected socket whose writes are counted, and its other end. */
async function socket(): Promise<{ sink: Socket; peer: Socket; writes: () => number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const sink = dial(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  const peer = await new Promise<Socket>(resolve => server.once('connection', resolve))
  await new Promise<void>(resolve => (sink.connecting ? sink.once('connect', resolve) : resolve()))
  after(() => {
    sink.destroy()
    peer.destroy()
    server.close()
  })
  let count = 0
  const write = sink.write.bind(sink)
  sink.write = ((chunk: Uint8Array) => {
    count++
    return write(chunk)
  }) as Socket['write']
  return { sink, peer, writes: () => count }
}

function packet(length: number, fill = 0) {
  return measure('a', { body: new Uint8Array(length).fill(fill) }, { version: 5 }, false, 0)
}

async function received(peer: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  peer.on('data', chunk => chunks.push(chunk))
  await eventually(() => expect(chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(length))
  return Buffer.concat(chunks)
}

describe('a writer', () => {
  it('writes the packets of one go at once', async () => {
    const { sink, peer, writes } = await socket()
    const writer = new Writer(sink)
    const sent = Array.from({ length: 200 }, (_, i) => packet(100, i))
    writer.puback(6)
    for (const each of sent) await writer.publish(each)
    writer.puback(7)
    expect(writes()).toBe(0)
    const size = sent.reduce((sum, { size }) => sum + size, 8)
    const bytes = await received(peer, size)
    expect(writes()).toBe(1)
    expect([...bytes.subarray(-4)]).toEqual([0x40, 2, 0, 7])
    await writer.publish(packet(1))
    await eventually(() => expect(writes()).toBe(2))
  })

  it('writes a message at once that begins a go, where the last ones had no other', async () => {
    const { sink, writes } = await socket()
    const writer = new Writer(sink)
    const go = async (count: number) => {
      const before = writes()
      for (let i = 0; i < count; i++) await writer.publish(packet(1))
      const atOnce = writes() - before
      await new Promise(setImmediate)
      return { atOnce, afterwards: writes() - before - atOnce }
    }
    expect(await go(1)).toEqual({ atOnce: 1, afterwards: 0 })
    expect(await go(3)).toEqual({ atOnce: 1, afterwards: 1 })
    for (let i = 0; i < 8; i++) expect(await go(1)).toEqual({ atOnce: 0, afterwards: 1 })
    expect(await go(1)).toEqual({ atOnce: 1, afterwards: 0 })
  })

  it('keeps small and large packets in order, and what was written as it was', async () => {
    const { sink, peer } = await socket()
    const writer = new Writer(sink)
    const sizes = [10, 70_000, 20, 0, 16_384, 65_000, 5, 16_383, 30_000, 1]
    for (const [i, length] of sizes.entries()) void writer.publish(packet(length, i + 1))
    const total = sizes.reduce((sum, length) => sum + packet(length).size, 0)
    const bytes = await received(peer, total)
    let at = 0
    for (const [i, length] of sizes.entries()) {
      const { size } = packet(length)
      const body = bytes.subarray(at + size - length, at + size)
      expect(body.every(byte => byte === i + 1)).toBe(true)
      at += size
    }
  })

  it('makes publishers wait when much is waiting in the socket, and lets all go on together', async () => {
    const { sink, peer } = await socket()
    peer.pause()
    const writer = new Writer(sink)
    const body = 64 * 1024
    let sent = 0
    const publishing = (async () => {
      for (; sent < 500; sent++) await writer.publish(packet(body))
    })()
    await eventually(() => expect(sink.writableLength).toBeGreaterThan(HIGH_WATER))
    const before = sent
    expect(sink.listenerCount('drain')).toBe(1)
    expect(writer.publish(packet(1))).toBe(writer.publish(packet(1)))
    expect(sent).toBe(before)
    expect(sink.writableLength).toBeLessThan(HIGH_WATER + 4 * body)
    peer.resume()
    await publishing
  })

  it('lets those who wait go on when the connection ends, and writes no more', async () => {
    const { sink, peer, writes } = await socket()
    peer.pause()
    const writer = new Writer(sink)
    const waiting: Array<Promise<void>> = []
    while (sink.writableLength <= HIGH_WATER) waiting.push(writer.publish(packet(64 * 1024)))
    waiting.push(writer.publish(packet(64 * 1024)))
    writer.end()
    await Promise.all(waiting)
    const before = writes()
    void writer.publish(packet(1))
    writer.flush()
    expect(writes()).toBe(before)
  })
})
