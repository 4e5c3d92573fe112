import { createFaultProxy, type Rabbit, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { after, bytes, connect, eventually, list, other, quiet, type Told, text, unique } from './support.ts'

/** How often each loss is caused. */
const TIMES = 30

/** Milliseconds in which every consumer must be back. */
const BACK = 5000

let broker: Rabbit
beforeAll(async () => {
  broker = await startRabbit({ config: ['consumer_timeout = 1000'] })
  // That is only looked at once a minute, otherwise.
  await broker.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 500).')
})
afterAll(() => broker.close())

/** Everything that can be lost, on one connection, and what reached it. */
async function occupied(url: string, heartbeat = 10) {
  const told = await connect(url, { heartbeat })
  const { transport } = told
  const name = unique()
  const got: string[] = []
  const hear = (what: string) => (frame: { body: Uint8Array }) => void got.push(`${what} ${text(frame)}`)
  await transport.subscribe(`${name}.topic`, (_, frame) => hear('topic')(frame))
  await transport.subscribe(`${name}.of.*`, (_, frame) => hear('pattern')(frame))
  await transport.subscribe(`${name}.reliable`, async (_, frame) => hear('reliable')(frame), { reliable: true })
  await transport.subscribe(`${name}.durable`, async (_, frame) => hear('durable')(frame), { durable: name })
  await transport.pull(`${name}.queue`, async frame => hear('queue')(frame))
  const sender = (await connect(broker.url)).transport

  /** Sends to each, once it is back, and expects it once. */
  const verify = async (round: string) => {
    const body = bytes(round)
    const expected = ['topic', 'pattern', 'reliable', 'durable', 'queue'].map(what => `${what} ${round}`)
    await sender.publish(`${name}.topic`, { body })
    await sender.publish(`${name}.of.x`, { body })
    await sender.publish(`${name}.reliable`, { body }, { reliable: true })
    await sender.publish(`${name}.durable`, { body }, { reliable: true })
    await sender.push(`${name}.queue`, { body })
    await eventually(() => expect(got.filter(each => each.endsWith(` ${round}`)).sort()).toEqual(expected.sort()))
  }
  return { ...told, name, got, verify }
}

const count = ({ statuses }: Pick<Told, 'statuses'>, type: string) => statuses.filter(each => each.type === type).length

describe(`after each of ${TIMES}`, { timeout: 150_000 }, () => {
  it('ends of the connection by the server (320), everything is back', async () => {
    const link = await occupied(broker.url)
    const loop = `[begin [rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:connections()], timer:sleep(1000) end || _ <- lists:seq(1, ${TIMES})], ok.`
    const closing = broker.ctl('eval', loop)
    for (const round of list(TIMES)) {
      await eventually(() => expect(count(link, 'connected')).toBe(Number(round) + 2), BACK)
    }
    await closing
    await eventually(() => expect(link.statuses.at(-1)?.type).toBe('connected'), BACK)
    await link.verify('last')
    expect(count(link, 'disconnected')).toBe(TIMES)
    expect(link.errors).toEqual([])
    expect(new Set(link.got).size).toBe(link.got.length)
  })

  it('queues that somebody deletes, their consumer is back, and the others never left', async () => {
    const link = await occupied(broker.url)
    const admin = await other(broker)
    for (const round of list(TIMES)) {
      const start = performance.now()
      const before = count(link, 'error')
      await admin.deleteQueue(`${link.name}.queue`)
      await admin.deleteQueue(`commlib/durable/${link.name}`)
      await eventually(() => expect(count(link, 'error')).toBe(before + 2), BACK)
      await eventually(async () => {
        for (const queue of [`${link.name}.queue`, `commlib/durable/${link.name}`]) {
          const { consumerCount } = await (await other(broker)).checkQueue(queue)
          expect(consumerCount).toBe(1)
        }
      }, BACK)
      expect(performance.now() - start).toBeLessThan(BACK)
      await link.verify(round)
    }
    expect(count(link, 'disconnected')).toBe(0)
    expect(new Set(link.got).size).toBe(link.got.length)
  })

  it('errors of a channel (406), its consumer is back, and the message that it held is handled again', async () => {
    const link = await connect(broker.url)
    const steady: string[] = []
    const name = unique()
    await link.transport.subscribe(`${name}.steady`, (_, frame) => void steady.push(text(frame)))
    const got = new Map<string, number>()
    for (const n of list(TIMES)) {
      await link.transport.pull(`${name}.${n}`, frame => {
        const times = (got.get(text(frame)) ?? 0) + 1
        got.set(text(frame), times)
        // Longer than the broker waits for an acknowledgement.
        return times === 1 ? new Promise(() => {}) : undefined
      })
    }
    // One queue is gone with its consumer; a second one keeps it, and the message.
    const admin = await other(broker)
    await admin.prefetch(1)
    for (const n of list(TIMES)) {
      await link.transport.push(`${name}.${n}`, { body: bytes(n) })
      await eventually(() => expect(got.get(n)).toBe(1))
      await admin.consume(`${name}.${n}`, message => message && setTimeout(() => admin.nack(message), 50))
    }
    await eventually(() => expect([...got.values()]).toEqual(list(TIMES).map(() => 2)), 20_000)
    expect(count(link, 'error')).toBe(TIMES)
    expect(count(link, 'disconnected')).toBe(0)
    await link.transport.publish(`${name}.steady`, { body: bytes('x') })
    await eventually(() => expect(steady).toEqual(['x']))
  })

  it('errors of a channel (404) for want of its exchange, that is declared again, and everything bound to it', async () => {
    const exchange = unique()
    const { transport: sender } = await connect(broker.url, { exchange })
    const link = await connect(broker.url, { exchange })
    const got: string[] = []
    await link.transport.subscribe('plain', (_, frame) => void got.push(`plain ${text(frame)}`))
    const durable = { durable: exchange }
    await link.transport.subscribe('durable', async (_, frame) => void got.push(`durable ${text(frame)}`), durable)
    const admin = await other(broker)
    for (const round of list(TIMES)) {
      await admin.deleteExchange(exchange)
      // Who publishes is told, by the end of the channel.
      await link.transport.publish('plain', { body: bytes('lost') })
      await eventually(() => expect(count(link, 'connected')).toBe(Number(round) + 2), BACK)
      for (const topic of ['plain', 'durable']) await sender.publish(topic, { body: bytes(round) }, { reliable: true })
      await eventually(() => expect(got.sort()).toEqual([`durable ${round}`, `plain ${round}`]))
      got.length = 0
    }
    expect(count(link, 'disconnected')).toBe(TIMES)
  })

  it('alarms (connection.blocked), what was sent meanwhile arrives once', async () => {
    const link = await occupied(broker.url)
    const alarm = '{resource_limit, memory, node()}'
    const loop = `[begin rabbit_alarm:set_alarm({${alarm}, []}), timer:sleep(150), rabbit_alarm:clear_alarm(${alarm}), timer:sleep(250) end || _ <- lists:seq(1, ${TIMES})], ok.`
    let done = false
    const alarming = broker.ctl('eval', loop).finally(() => {
      done = true
    })
    const published: string[] = []
    while (!done) {
      const n = String(published.length)
      published.push(`reliable ${n}`)
      await link.transport.publish(`${link.name}.reliable`, { body: bytes(n) }, { reliable: true })
      await quiet(5)
    }
    await alarming
    await eventually(() => expect(link.got.filter(each => each.startsWith('reliable'))).toEqual(published), BACK)
    expect(count(link, 'disconnected')).toBe(0)
    const blocked = link.statuses.filter(each => each.type === 'error' && /takes nothing/.test(each.error.message))
    expect(blocked.length).toBeGreaterThan(TIMES / 2)
    await link.verify('last')
  })

  it('missed heartbeats on lines that are cut without a word, everything is back', async () => {
    await Promise.all(
      list(TIMES).map(async n => {
        const proxy = await createFaultProxy(broker)
        after(proxy.close)
        const link = await occupied(proxy.url('amqp'), 1)
        await link.verify('first')
        // An acknowledgement that is cut off would rightly bring its message again.
        await quiet()
        await proxy.halfOpen()
        await eventually(() => expect(count(link, 'disconnected')).toBe(1), BACK)
        const start = performance.now()
        await proxy.restore()
        await eventually(() => expect(count(link, 'connected')).toBe(2), BACK)
        await link.verify(`last${n}`)
        expect(performance.now() - start).toBeLessThan(BACK)
        expect(new Set(link.got).size).toBe(link.got.length)
      }),
    )
  })
})
