import type { Transport } from '@commlib/core/internal'
import { expect, it } from 'vitest'
import { bytes, type ComplianceOptions, createBench, eventually, gate, numbers, quiet, text, unique } from './bench.ts'

export function testDurable(options: ComplianceOptions): void {
  const bench = createBench(options)
  const { supports } = bench

  if (!supports.durable) {
    it('are unknown, and say so', async () => {
      const a = await bench.connect()
      const subscribed = a.subscribe(unique(), () => {}, { durable: unique() })
      await expect(subscribed).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
    return
  }

  /** Publishes reliably, one after the other. */
  const send = async (from: Transport, topic: string, bodies: readonly string[]) => {
    for (const body of bodies) await from.publish(topic, { body: bytes(body) }, { reliable: true })
  }

  it.each(['transport', 'subscription'] as const)('hold what is published while their %s is closed', async what => {
    const a = await bench.connect()
    const first = await bench.connect()
    const topic = unique()
    const durable = unique()
    const got: string[] = []
    const listener = async (_: string, frame: Parameters<typeof text>[0]) => void got.push(text(frame))
    const subscription = await first.subscribe(topic, listener, { durable })
    await send(a, topic, ['0'])
    await eventually(() => expect(got).toEqual(['0']))
    await (what === 'transport' ? first : subscription).close()
    const sent = numbers(20).slice(1)
    await send(a, topic, sent)
    expect(got).toEqual(['0'])
    const second = what === 'transport' ? await bench.connect() : first
    await second.subscribe(topic, listener, { durable })
    await eventually(() => expect(got).toEqual(['0', ...sent]))
  })

  it('get again what was not settled when they left, and nothing that was', async () => {
    const a = await bench.connect()
    const first = await bench.connect()
    const topic = unique()
    const durable = unique()
    const seen: string[] = []
    const held = gate()
    bench.after(held.open)
    const hold = async (_: string, frame: Parameters<typeof text>[0]) => {
      seen.push(text(frame))
      if (text(frame) !== '1') await held.opened
    }
    await first.subscribe(topic, hold, { durable })
    await send(a, topic, ['1', '2', '3'])
    await eventually(() => expect(seen).toContain('2'))
    // The acknowledgement of the first is on its way.
    await quiet(50)
    await first.close()
    const got: string[] = []
    const second = await bench.connect()
    await second.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
    await eventually(() => expect(got).toEqual(['2', '3']))
    await quiet()
    expect(got).toEqual(['2', '3'])
  })

  it('get again what was not settled before what is new, which goes on coming meanwhile', async () => {
    const a = await bench.connect()
    const topic = unique()
    const durable = unique()
    const held = gate()
    bench.after(held.open)
    const sent: string[] = []
    const got: string[] = []
    let sending = true
    const flow = (async () => {
      for (let n = 0; sending; n++) {
        sent.push(String(n))
        await send(a, topic, [String(n)])
        // Mosquitto keeps a thousand for who settles none.
        do await quiet(1)
        while (sending && got.length === 0 && sent.length > 500)
      }
    })()
    bench.after(() => {
      sending = false
    })
    for (let round = 0; round < 5; round++) {
      const transport = await bench.connect()
      const seen: string[] = []
      const hold = (_: string, frame: Parameters<typeof text>[0]) => {
        seen.push(text(frame))
        return held.opened
      }
      await transport.subscribe(topic, hold, { durable })
      await eventually(() => expect(seen.length).toBeGreaterThan(4))
      await transport.close()
    }
    const last = await bench.connect()
    await last.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
    await quiet()
    sending = false
    await flow
    // What came before the first subscription is nobody's.
    await eventually(() => expect(got.at(-1)).toBe(sent.at(-1)))
    expect(got).toEqual(sent.slice(sent.indexOf(got[0] ?? '')))
  })

  it('get again what was not settled when their subscription was closed, while its connection goes on', async () => {
    const a = await bench.connect()
    const { transport: first, statuses } = await bench.link()
    const topic = unique()
    const durable = unique()
    const seen: string[] = []
    const held = gate()
    bench.after(held.open)
    const hold = async (_: string, frame: Parameters<typeof text>[0]) => {
      seen.push(text(frame))
      if (text(frame) !== '1') await held.opened
    }
    const subscription = await first.subscribe(topic, hold, { durable })
    await send(a, topic, ['1', '2', '3'])
    await eventually(() => expect(seen).toContain('2'))
    await quiet(50)
    await subscription.close()
    const got: string[] = []
    const second = await bench.connect()
    await second.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
    await eventually(() => expect(got).toEqual(['2', '3']), 10_000)
    // Whoever has left does not want it back.
    await quiet(600)
    expect(got).toEqual(['2', '3'])
    expect(statuses.filter(({ type }) => type === 'error')).toEqual([])
    // What is settled now is another's, and says nothing.
    held.open()
    await send(a, topic, ['4'])
    await eventually(() => expect(got).toEqual(['2', '3', '4']))
    await quiet()
    expect(got).toEqual(['2', '3', '4'])
  })

  it('pass to a second user of their name, of which the first is told', async () => {
    const a = await bench.connect()
    const { transport: first, statuses } = await bench.link()
    const topic = unique()
    const durable = unique()
    const got: string[] = []
    await first.subscribe(topic, (_, frame) => void got.push(`first ${text(frame)}`), { durable })
    await (await bench.connect()).subscribe(topic, (_, frame) => void got.push(`second ${text(frame)}`), { durable })
    const told = { type: 'error', fatal: true, error: expect.objectContaining({ code: 'SESSION_TAKEN' }) }
    await eventually(() => expect(statuses).toContainEqual(told))
    await send(a, topic, ['1', '2', '3', '4'])
    await eventually(() => expect(got).toEqual(['second 1', 'second 2', 'second 3', 'second 4']))
    // The first is otherwise well.
    const other = unique()
    await first.subscribe(other, (_, frame) => void got.push(text(frame)))
    await a.publish(other, { body: bytes('5') })
    await eventually(() => expect(got).toContain('5'))
  })

  if (supports.expiry) {
    it('hold no message longer than it is worth', async () => {
      const a = await bench.connect()
      const first = await bench.connect()
      const topic = unique()
      const durable = unique()
      const got: string[] = []
      await first.subscribe(topic, () => {}, { durable })
      await first.close()
      // Whole seconds are what MQTT counts in.
      await a.publish(topic, { body: bytes('old'), expiry: 1000 }, { reliable: true })
      await a.publish(topic, { body: bytes('lasting'), expiry: 60_000 }, { reliable: true })
      await quiet(2200)
      const second = await bench.connect()
      await second.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
      await eventually(() => expect(got).toContain('lasting'))
      expect(got).toEqual(['lasting'])
    })
  }

  if (!supports.groups) return

  it('of a group share what came while all were away', async () => {
    const a = await bench.connect()
    const topic = unique()
    const share = { durable: unique(), group: unique() }
    const got: string[] = []
    const join = async (member: string) => {
      const transport = await bench.connect()
      const listener = async (_: string, frame: Parameters<typeof text>[0]) => void got.push(text(frame))
      await transport.subscribe(topic, listener, { ...share, member })
      return transport
    }
    const all = [await join('one'), await join('two')]
    await Promise.all(all.map(transport => transport.close()))
    const sent = numbers(20)
    await send(a, topic, sent)
    await Promise.all([join('one'), join('two')])
    await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
    await quiet()
    expect(got).toHaveLength(20)
  })

  if (supports.groupTakeover === 'at-once') {
    it('of a group take over what a member that left has not settled', async () => {
      const a = await bench.connect()
      const topic = unique()
      const share = { durable: unique(), group: unique() }
      const held = gate()
      bench.after(held.open)
      const leaving = await bench.connect()
      const seen: string[] = []
      const hold = async (_: string, frame: Parameters<typeof text>[0]) => {
        seen.push(text(frame))
        await held.opened
      }
      await leaving.subscribe(topic, hold, { ...share, member: 'one' })
      const sent = numbers(5)
      await send(a, topic, sent)
      await eventually(() => expect(seen).not.toEqual([]))
      const got: string[] = []
      const staying = await bench.connect()
      await staying.subscribe(topic, (_, frame) => void got.push(text(frame)), { ...share, member: 'two' })
      await leaving.close()
      await eventually(() => expect([...got].sort()).toEqual(sent), 3000)
    })
  }
}
