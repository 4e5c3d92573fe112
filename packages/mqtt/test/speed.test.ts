import { type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytes, connect } from './support.ts'

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
})
