import { createNode, topic } from '@commlib/core'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { redis } from '../src/index.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis()
})
afterAll(() => broker?.close())

it('acknowledges what a durable subscriber finishes while its node closes', async () => {
  const open = () => createNode({ transport: redis(broker.url), heartbeat: false })
  await using publishing = await open()
  await using leaving = await open()
  const Order = topic<{ readonly n: number }>(`closing${process.pid}`)
  const orders = publishing.publisher(Order)
  const seen: number[] = []
  let finish = () => {}
  const finished = new Promise<void>(resolve => (finish = resolve))
  const handle = async ({ n }: { readonly n: number }) => {
    seen.push(n)
    await finished
  }
  await leaving.subscribe(Order, handle, { durable: 'cook' })
  await orders.publish({ n: 1 }, { reliable: true })
  await vi.waitFor(() => expect(seen).toEqual([1]))
  const closing = leaving.close({ grace: 10_000 })
  await vi.waitFor(() => expect(leaving.state).toBe('closing'))
  finish()
  await closing
  await orders.publish({ n: 2 }, { reliable: true })
  await using coming = await open()
  await coming.subscribe(Order, ({ n }) => void seen.push(n), { durable: 'cook' })
  await vi.waitFor(() => expect(seen).toContain(2))
  expect(seen).toEqual([1, 2])
})
