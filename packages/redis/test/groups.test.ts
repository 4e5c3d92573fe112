import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytes, connect, eventually, raw, text, unique } from './support.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis()
})
afterAll(() => broker.close())

/** A group of two, and what each of them got. */
async function group(options?: Parameters<typeof connect>[1]) {
  const topic = unique()
  const got: string[][] = []
  for (let member = 0; member < 2; member++) {
    const { transport } = await connect(broker.url, options)
    const mine: string[] = []
    got.push(mine)
    await transport.subscribe(topic, (_, frame) => void mine.push(text(frame)), { group: 'g' })
  }
  const waiting = `commlib:waiting:{${topic}}`
  const admin = raw(broker.url)
  const isWaiting = () => eventually(async () => expect(await admin.exists(waiting)).toBe(1))
  await isWaiting()
  return { topic, got, waiting, isWaiting }
}

describe('a group', () => {
  it('is woken when it waits, not for each message', async () => {
    const { topic, got, waiting, isWaiting } = await group()
    const { transport } = await connect(broker.url)
    const listener = raw(broker.url)
    let wakes = 0
    listener.on('message', () => wakes++)
    await listener.subscribe(waiting)
    const publish = (n: number) => transport.publish(topic, { body: bytes(String(n)) }, { reliable: true })
    await publish(0)
    await eventually(() => expect(got.flat()).toEqual(['0']))
    await eventually(() => expect(wakes).toBe(1))
    await Promise.all(Array.from({ length: 2000 }, (_, n) => publish(n + 1)))
    await eventually(() => expect(got.flat()).toHaveLength(2001))
    expect(new Set(got.flat()).size).toBe(2001)
    await isWaiting()
    expect(wakes).toBeLessThan(500)
    // One that came while nobody waited would be heard late.
    for (let n = 0; n < 50; n++) {
      await publish(3000 + n)
      await eventually(() => expect(got.flat()).toContain(String(3000 + n)), 1000)
    }
  })

  it('looks by itself where who publishes may not wake it', async () => {
    const { topic, got } = await group({ keepalive: 1 })
    const rights = [
      '-@all',
      '+@connection',
      '+@pubsub',
      '+@stream',
      '+@hash',
      '+del',
      '+eval',
      '+evalsha',
      '+time',
      '+info',
    ]
    await raw(broker.url).call('ACL', 'SETUSER', 'mute', 'on', '>m', ...rights, '~commlib:*', `&${topic}`)
    const { transport } = await connect(broker.url.replace('redis://', 'redis://mute:m@'))
    await transport.publish(topic, { body: bytes('1') }, { reliable: true })
    await eventually(() => expect(got.flat()).toEqual(['1']), 4000)
  })
})
