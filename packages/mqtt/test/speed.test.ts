import { createServer, connect as dial } from 'node:net'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, bytes, connect, eventually } from './support.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ own: true })
})
afterAll(() => broker.close())

describe('a socket', () => {
  it('sends small packets without waiting for acknowledgements of the last (TCP_NODELAY)', async () => {
    const { transport } = await connect(broker.url)
    let answered = () => {}
    await transport.subscribe('ping.second', () => answered())
    const times: number[] = []
    for (let i = 0; i < 15; i++) {
      const start = performance.now()
      const pong = new Promise<void>(resolve => {
        answered = resolve
      })
      // Two writes before an answer: Nagle's algorithm would hold back the second for 40 ms.
      await transport.publish('ping.first', { body: bytes('1') })
      await new Promise(resolve => setTimeout(resolve, 1))
      await transport.publish('ping.second', { body: bytes('2') })
      await pong
      times.push(performance.now() - start)
    }
    expect(times.sort((a, b) => a - b)[7]).toBeLessThan(20)
  })

  it('gets the packets of one turn in one piece', async () => {
    const pieces: number[] = []
    const server = createServer(socket => {
      const to = dial(broker.port, broker.host)
      socket.on('data', chunk => pieces.push(chunk.length))
      socket.pipe(to).pipe(socket)
    }).listen(0, '127.0.0.1')
    after(() => server.close())
    await new Promise(resolve => server.once('listening', resolve))
    const address = server.address()
    const { transport } = await connect(`mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    let got = 0
    await transport.subscribe('piece', () => void got++)
    pieces.length = 0
    for (let i = 0; i < 200; i++) void transport.publish('piece', { body: bytes('x'.repeat(100)) })
    await eventually(() => expect(got).toBe(200))
    expect(pieces.length).toBeLessThan(5)
  })
})
