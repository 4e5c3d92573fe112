import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amqp } from '@commlib/amqp'
import { action, createNode, GoalStatus, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { createFaultProxy, startMosquitto, startRabbit } from '@commlib/testing'
import { expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { after, eventually, fresh, nodeOn, quiet } from './world.ts'

const COUNT = 100_000
const TOPICS = 10
const MAX_MESSAGES = 20_000

it(`loses none of ${COUNT} messages from MQTT to AMQP, whose broker is away five times`, async () => {
  const [here, there] = await Promise.all([
    startMosquitto({ config: ['set_tcp_nodelay true', 'max_queued_messages 0', 'max_inflight_messages 1000'] }),
    startRabbit(),
  ])
  after(() => Promise.all([here.close(), there.close()]))
  const proxy = await createFaultProxy({ port: there.port, host: there.host })
  after(() => proxy.close())
  const path = mkdtempSync(join(tmpdir(), 'commlib-outages-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  const connect = (url: string) => ({ url, connect: () => mqtt(url), close: async () => {} })
  const [alice, source] = await Promise.all([nodeOn(connect(here.url)), nodeOn(connect(here.url))])
  const sink = await createNode({
    transport: amqp(`amqp://${proxy.host}:${proxy.port}`),
    heartbeat: false,
    onError: () => {},
    onStatus: () => {},
  })
  const bob = await createNode({ transport: amqp(there.url), heartbeat: false })
  after(() => Promise.all([sink.close(), bob.close()]))
  const root = fresh('flood')
  const Any = topic<{ n: number }>(`${root}.*`)
  const seen = new Map<string, number>()
  let doubled = 0
  let disordered = 0
  let got = 0
  await bob.subscribe(
    Any,
    ({ n }, { topic }) => {
      const last = seen.get(topic) ?? -1
      if (n === last + 1) {
        seen.set(topic, n)
        got++
      } else if (n <= last) doubled++
      else disordered++
    },
    { durable: root },
  )
  const made = await bridge(source, sink, Any, {
    reliable: true,
    source: { durable: root },
    spool: { path, maxMessages: MAX_MESSAGES },
  })
  after(() => made.close())

  let most = 0
  const watching = setInterval(() => (most = Math.max(most, made.counters.spooled)), 20)
  after(() => clearInterval(watching))
  let sent = 0
  const publisher = alice.publisher(Any)
  const flood = (async () => {
    let flying: Promise<void>[] = []
    for (; sent < COUNT; sent++) {
      flying.push(
        publisher.publish({ n: Math.floor(sent / TOPICS) }, { topic: `${root}.t${sent % TOPICS}`, reliable: true }),
      )
      if (flying.length < 200) continue
      await Promise.all(flying)
      flying = []
      // It is to last for as long as the outages do.
      await quiet(25)
    }
    await Promise.all(flying)
  })()
  for (let outage = 0; outage < 5; outage++) {
    await quiet(1000)
    await proxy.refuse()
    proxy.reset()
    await quiet(1500)
    await proxy.restore()
  }
  await flood
  await eventually(() => expect(got).toBe(COUNT), 60_000)
  await eventually(() => expect(made.counters).toMatchObject({ spooled: 0, dropped: 0 }), 10_000)
  expect([doubled < COUNT / 10, disordered]).toEqual([true, 0])
  expect(most).toBeGreaterThan(MAX_MESSAGES / 2)
  expect(most).toBeLessThanOrEqual(MAX_MESSAGES)
  console.log(`${got} messages, ${doubled} repeated, at most ${most} spooled; ${JSON.stringify(made.counters)}`)
}, 240_000)

it('an action whose sink is away for 10 s ends in a state that both sides agree on', async () => {
  const [here, there] = await Promise.all([startMosquitto({ own: true }), startMosquitto({ own: true })])
  after(() => Promise.all([here.close(), there.close()]))
  const proxy = await createFaultProxy({ port: there.port, host: there.host })
  after(() => proxy.close())
  const connect = (url: string) => ({ url, connect: () => mqtt(url), close: async () => {} })
  const [alice, source, bob] = await Promise.all([
    nodeOn(connect(here.url)),
    nodeOn(connect(here.url)),
    nodeOn(connect(there.url)),
  ])
  const sink = await nodeOn(connect(`mqtt://${proxy.host}:${proxy.port}`), { onStatus: () => {} })
  const Work = action<{ steps: number }, { step: number }, { done: number }>(fresh('work'))
  const ends: string[] = []
  await bob.serve(
    Work,
    async ({ steps }, { id, signal, feedback }) => {
      let step = 0
      for (; step < steps && !signal.aborted; step++) {
        await quiet(50)
        await feedback({ step })
      }
      ends.push(`${id} ${signal.aborted ? 'canceled' : 'done'} ${step}`)
      return { done: step }
    },
    { policy: 'parallel' },
  )
  const made = await bridge(source, sink, Work)
  after(() => made.close())
  const work = alice.client(Work)
  // One ends while the sink is away, one after it is back, and one is cancelled meanwhile.
  const short = await work({ steps: 40 }, { id: 'short' })
  const long = await work({ steps: 280 }, { id: 'long' })
  const doomed = await work({ steps: 100_000 }, { id: 'doomed' })
  const seen: number[] = []
  const reading = (async () => {
    for await (const { step } of long) seen.push(step)
  })()
  await quiet(500)
  await proxy.refuse()
  proxy.reset()
  await quiet(5000)
  const cancelling = doomed.cancel({ timeout: 20_000 })
  await quiet(5000)
  expect(long.status).toBe(GoalStatus.EXECUTING)
  await proxy.restore()
  await cancelling
  expect(await short.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { done: 40 } })
  expect(await long.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { done: 280 } })
  const { status, result } = await doomed.outcome
  expect(status).toBe(GoalStatus.CANCELED)
  expect(ends.sort()).toEqual([`doomed canceled ${result?.done}`, 'long done 280', 'short done 40'])
  await reading
  expect(seen.at(-1)).toBe(279)
})
