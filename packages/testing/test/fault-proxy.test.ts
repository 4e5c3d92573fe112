import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFaultProxy, type FaultProxy } from '../src/index.ts'

let server: Server
let served: Socket[]
let proxy: FaultProxy
let dialled: Socket[]

beforeEach(async () => {
  served = []
  dialled = []
  server = createServer({ allowHalfOpen: true }, socket => {
    served.push(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.pipe(socket, { end: false })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  proxy = await createFaultProxy({ host: '127.0.0.1', port: address.port })
})

afterEach(async () => {
  for (const socket of [...dialled, ...served]) socket.destroy()
  await proxy.close()
  server.close()
})

async function dial() {
  const socket = connect({ host: proxy.host, port: proxy.port })
  dialled.push(socket)
  const seen = { bytes: 0, text: '', error: '', closed: false, ended: false }
  socket.on('data', chunk => {
    seen.bytes += chunk.length
    if (seen.text.length < 1000) seen.text += chunk
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? ''
  })
  socket.on('end', () => {
    seen.ended = true
  })
  socket.on('close', () => {
    seen.closed = true
  })
  await once(socket, 'connect')
  return { socket, seen }
}

async function echo({ socket, seen }: Awaited<ReturnType<typeof dial>>, text: string) {
  const before = seen.text
  socket.write(text)
  await vi.waitFor(() => expect(seen.text).toBe(before + text))
}

describe('a fault proxy', () => {
  it('forwards both ways and counts', async () => {
    const link = await dial()
    await echo(link, 'hello')
    expect(proxy.connections).toBe(1)
    expect(proxy.bytes).toEqual({ up: 5, down: 5 })
    expect(proxy.url('mqtt')).toBe(`mqtt://127.0.0.1:${proxy.port}`)
    link.socket.end()
    await vi.waitFor(() => expect(link.seen).toMatchObject({ closed: true, error: '' }))
    await vi.waitFor(() => expect(proxy.connections).toBe(0))
    expect(proxy.accepted).toBe(1)
  })

  it('forwards megabytes whole', async () => {
    const { socket, seen } = await dial()
    socket.end(Buffer.alloc(8_000_000, 7))
    await vi.waitFor(() => expect(seen).toMatchObject({ bytes: 8_000_000, ended: true }), 5000)
  })

  it('delays, in order', async () => {
    const link = await dial()
    proxy.latency(60)
    const start = performance.now()
    link.socket.write('a')
    setTimeout(() => link.socket.write('b'), 10)
    await vi.waitFor(() => expect(link.seen.text).toBe('ab'), { interval: 5 })
    expect(performance.now() - start).toBeGreaterThanOrEqual(119)
    proxy.latency(0)
    await echo(link, 'c')
  })

  it('limits the bandwidth', async () => {
    const { socket, seen } = await dial()
    proxy.bandwidth(100_000)
    const start = performance.now()
    socket.write(Buffer.alloc(20_000))
    await vi.waitFor(() => expect(seen.bytes).toBe(20_000), { interval: 5 })
    expect(performance.now() - start).toBeGreaterThanOrEqual(195)
  })

  it('cuts after a number of bytes', async () => {
    const link = await dial()
    proxy.cutAfter(3)
    link.socket.write('hello')
    await vi.waitFor(() => expect(link.seen).toMatchObject({ closed: true, error: 'ECONNRESET' }))
    expect(proxy.bytes.up + proxy.bytes.down).toBe(3)
    await echo(await dial(), 'again')
  })

  it('resets', async () => {
    const link = await dial()
    await echo(link, 'x')
    proxy.reset()
    await vi.waitFor(() => expect(link.seen).toMatchObject({ closed: true, error: 'ECONNRESET', ended: false }))
    await echo(await dial(), 'again')
  })

  it('ends in order', async () => {
    const link = await dial()
    await echo(link, 'x')
    proxy.end()
    await vi.waitFor(() => expect(link.seen).toMatchObject({ ended: true, closed: true, error: '' }))
    await vi.waitFor(() => expect(served[0]?.readableEnded).toBe(true))
  })

  it.each(['silence', 'refusal'] as const)('holds connections half open, with %s for new ones', async accept => {
    const link = await dial()
    await echo(link, 'x')
    await proxy.halfOpen({ accept })
    link.socket.write('lost')
    if (accept === 'refusal') await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    else (await dial()).socket.write('lost too')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(link.seen).toMatchObject({ text: 'x', closed: false })
    expect(proxy.bytes.up).toBe(1)
    expect(served).toHaveLength(1)
    await proxy.restore()
    await vi.waitFor(() => expect(link.seen).toMatchObject({ closed: true, error: 'ECONNRESET' }))
    await echo(await dial(), 'again')
  })

  it('keeps from the broker that a client has given up a silent line', async () => {
    const [one, two] = [await dial(), await dial()]
    await echo(one, 'x')
    await echo(two, 'y')
    await proxy.halfOpen()
    one.socket.end()
    two.socket.destroy()
    const late = await dial()
    late.socket.destroy()
    await vi.waitFor(() => expect(proxy.connections).toBe(0))
    expect(served.map(({ readableEnded, destroyed }) => readableEnded || destroyed)).toEqual([false, false])
    await proxy.restore()
    await vi.waitFor(() => expect(served.every(({ destroyed }) => destroyed)).toBe(true))
  })

  it('refuses, keeps what is open, and restores on the same port', async () => {
    const link = await dial()
    await proxy.refuse()
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await echo(link, 'still')
    await proxy.restore()
    await echo(await dial(), 'again')
  })

  it('passes on that the broker is gone', async () => {
    const link = await dial()
    await echo(link, 'x')
    for (const socket of served) socket.resetAndDestroy()
    await vi.waitFor(() => expect(link.seen.closed).toBe(true))
    server.close()
    const late = connect({ host: proxy.host, port: proxy.port })
    dialled.push(late)
    const error = await new Promise<NodeJS.ErrnoException>(resolve => late.once('error', resolve))
    expect(error.code).toBe('ECONNRESET')
  })
})
