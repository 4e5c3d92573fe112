import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, bytes, connect, eventually, list, raw, text } from './support.ts'

describe('what is published in one turn', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startRedis({ own: true })
  })
  afterAll(() => broker.close())

  const count = 2000
  const numbers = Array.from({ length: count }, (_, i) => String(i))

  it('arrives in order', async () => {
    const { transport, errors } = await connect(broker.url)
    const received: string[] = []
    await transport.subscribe('numbers', (_, frame) => void received.push(text(frame)))
    for (let i = 0; i < count; i += 100) {
      const turn = numbers.slice(i, i + 100).map(number => transport.publish('numbers', { body: bytes(number) }))
      await Promise.all(turn)
      await new Promise(setImmediate)
    }
    await eventually(() => expect(received).toHaveLength(count))
    expect(received).toEqual(numbers)
    expect(errors).toEqual([])
  })

  it('arrives but for what is refused, which is told', async () => {
    await raw(broker.url).call('ACL', 'SETUSER', 'guest', 'on', '>secret', '~*', 'resetchannels', '&open', '+@all')
    const { transport, errors } = await connect(broker.url, { username: 'guest', password: 'secret' })
    const received: string[] = []
    await transport.subscribe('open', (_, frame) => void received.push(text(frame)))
    for (let i = 0; i < 10; i++) {
      const turn = ['open', 'closed', 'open'].map(topic => transport.publish(topic, { body: bytes(String(i)) }))
      await Promise.all(turn)
      await new Promise(setImmediate)
    }
    await eventually(() => expect(received).toHaveLength(20))
    await eventually(() => expect(errors).toHaveLength(10))
    expect(errors[0]).toMatchObject({ code: 'NOT_AUTHORIZED' })
  })
})

it('what is published reliably arrives in order from a server that does not know the scripts yet', async () => {
  const broker = await startRedis({ own: true })
  after(() => broker.close())
  const [sender, receiver] = [await connect(broker.url), await connect(broker.url)]
  const received: string[] = []
  await receiver.transport.subscribe('numbers', (_, frame) => void received.push(text(frame)), { reliable: true })
  const sent = list(500)
  const publishing: Promise<void>[] = []
  for (const number of sent) {
    publishing.push(sender.transport.publish('numbers', { body: bytes(number) }, { reliable: true }))
    // Some while the answers to the first are on their way.
    if (publishing.length % 3 === 0) await new Promise(setImmediate)
  }
  await Promise.all(publishing)
  await eventually(() => expect(received).toHaveLength(500))
  expect(received).toEqual(sent)
})
