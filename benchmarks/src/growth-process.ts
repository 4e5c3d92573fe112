import { amqp } from '@commlib/amqp'
import { createNode, memory, rpc, topic, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { Reading, reading } from './payload.ts'
import { median } from './statistics.ts'

/** Measures in a process of its own, told by its arguments what there is how much of; sends one number, microseconds. */

const [what = '', amount = '', url = ''] = process.argv.slice(2)
const size = Number(amount)

/** Messages between two looks at the clock, and how many such rounds. */
const ROUND = 500
const ROUNDS = 15

/** Subscriptions and calls that are opened at a time. */
const BATCH = 1000

const open = () => transportFor(url, [memory, mqtt, redis, amqp])
const sender = await createNode({ transport: open(), heartbeat: false })
const receiver = await createNode({ transport: open(), heartbeat: false })
const value = reading(1)

async function inBatches(count: number, act: (i: number) => Promise<unknown> | undefined): Promise<void> {
  for (let i = 0; i < count; i += BATCH)
    await Promise.all(Array.from({ length: Math.min(BATCH, count - i) }, (_, j) => act(i + j)))
}

/** Processor time of both sides for one of what `act` does, in microseconds. */
async function cost(act: (i: number) => Promise<unknown>): Promise<number> {
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    await Promise.all(Array.from({ length: ROUND }, (_, i) => act(round * ROUND + i)))
    const { user, system } = process.cpuUsage(before)
    costs.push((user + system) / ROUND)
  }
  return median(costs.slice(ROUNDS / 3))
}

const heard: (() => void)[] = []
const onMessage = () => heard.shift()?.()
const published = (publish: () => Promise<void>) =>
  new Promise<void>((resolve, reject) => {
    heard.push(resolve)
    publish().catch(reject)
  })

/** @param address what is subscribed to @param sent what it hears */
async function subscriptions(address = (i: number) => `growth.${i}`, sent = address): Promise<number> {
  await inBatches(size, i => receiver.subscribe(topic(address(i), Reading), onMessage))
  const publisher = sender.publisher(topic('growth.*', Reading))
  return cost(i => published(() => publisher.publish(value, { topic: sent(i % size) })))
}

const patterns = () =>
  subscriptions(
    i => `growth.${i}.*`,
    i => `growth.${i}.on`,
  )

async function topics(): Promise<number> {
  await receiver.subscribe(topic('growth.*', Reading), onMessage)
  const publisher = sender.publisher(topic('growth.*', Reading))
  // Each topic once, so that what is kept for it is kept.
  for (let i = 0; i < size; i++) await published(() => publisher.publish(value, { topic: `growth.${i}` }))
  return cost(i => published(() => publisher.publish(value, { topic: `growth.${(i * 7919) % size}` })))
}

async function calls(): Promise<number> {
  const Slow = rpc('growth.slow', { request: Reading, response: Reading })
  const Fast = rpc('growth.fast', { request: Reading, response: Reading })
  const timeout = 600_000
  await receiver.serve(Slow, () => new Promise<never>(() => {}), { concurrency: 1_000_000 })
  await receiver.serve(Fast, request => request)
  const slow = sender.client(Slow, { maxPending: 1_000_000 })
  const fast = sender.client(Fast, { maxPending: 1_000_000 })
  await inBatches(size, i => {
    slow(value, { timeout }).catch(() => {})
    // Answered after those before it have arrived.
    return i % BATCH === 0 ? fast(value, { timeout }) : undefined
  })
  return cost(() => fast(value, { timeout }))
}

const measures: Readonly<Record<string, () => Promise<number>>> = { subscriptions, patterns, topics, calls }
const measure = measures[what]
if (measure === undefined) throw new Error(`nothing to measure: '${what}'`)
process.send?.(await measure())
process.exit()
