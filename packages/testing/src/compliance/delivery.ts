import { expect, it } from 'vitest'
import { bytes, type ComplianceOptions, createBench, eventually, gate, numbers, quiet, text, unique } from './bench.ts'

const UNSUPPORTED = { code: 'UNSUPPORTED' }

export function testDelivery(options: ComplianceOptions): void {
  const bench = createBench(options)
  const { supports } = bench
  const pair = () => Promise.all([bench.connect(), bench.connect()])

  if (supports.reliable) {
    it('is complete and in order if it is reliable', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const got: string[] = []
      const listener = async (_: string, frame: Parameters<typeof text>[0]) => {
        await null
        got.push(text(frame))
      }
      await b.subscribe(topic, listener, { reliable: true })
      const sent = numbers(200)
      await Promise.all(sent.map(body => a.publish(topic, { body: bytes(body) }, { reliable: true })))
      await eventually(() => expect(got).toEqual(sent))
    })

    it('reaches reliable subscribers from best-effort publishers, and the other way round, once', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const got: string[] = []
      await b.subscribe(topic, (_, frame) => void got.push(`reliable ${text(frame)}`), { reliable: true })
      await b.subscribe(topic, (_, frame) => void got.push(`plain ${text(frame)}`))
      await a.publish(topic, { body: bytes('1') })
      await a.publish(topic, { body: bytes('2') }, { reliable: true })
      const all = ['plain 1', 'plain 2', 'reliable 1', 'reliable 2']
      await eventually(() => expect([...got].sort()).toEqual(all))
      await quiet()
      expect(got).toHaveLength(4)
    })

    it('lets a reliable listener wait for other messages of its connection', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const answered = gate()
      const handled = gate()
      await b.subscribe(`${topic}.answer`, () => answered.open())
      await b.subscribe(
        topic,
        async () => {
          await b.publish(`${topic}.question`, { body: bytes('?') }, { reliable: true })
          await answered.opened
          handled.open()
        },
        { reliable: true },
      )
      await a.subscribe(`${topic}.question`, () => a.publish(`${topic}.answer`, { body: bytes('!') }))
      await a.publish(topic, { body: bytes('x') }, { reliable: true })
      await handled.opened
    })

    it('goes on when a reliable listener rejects, which is told', async () => {
      const a = await bench.connect()
      const { transport: b, errors } = await bench.link()
      const topic = unique()
      const got: string[] = []
      const listener = async (_: string, frame: Parameters<typeof text>[0]) => {
        got.push(text(frame))
        throw new Error(`overflow ${text(frame)}`)
      }
      await b.subscribe(topic, listener, { reliable: true })
      // More than any transport takes without an acknowledgement.
      const sent = numbers(600)
      for (const body of sent) await a.publish(topic, { body: bytes(body) }, { reliable: true })
      await eventually(() => expect(got).toEqual(sent))
      await eventually(() => expect(errors.map(String)).toEqual(sent.map(body => `Error: overflow ${body}`)))
    })
  } else {
    it('cannot be reliable, and says so', async () => {
      const a = await bench.connect()
      await expect(a.publish(unique(), { body: bytes('x') }, { reliable: true })).rejects.toMatchObject(UNSUPPORTED)
      await expect(a.subscribe(unique(), () => {}, { reliable: true })).rejects.toMatchObject(UNSUPPORTED)
    })
  }

  if (supports.latched) {
    it('keeps the last latched value for those who ask for it, and marks it', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const got: string[] = []
      const listener = (name: string) => (_: string, frame: Parameters<typeof text>[0]) =>
        void got.push(`${name} ${text(frame)}${frame.latched ? ' latched' : ''}`)
      bench.after(() => a.publish(topic, { body: bytes('') }, { latched: true }).catch(() => {}))
      await b.subscribe(topic, listener('early'), { latched: true })
      for (const body of ['1', '2']) await a.publish(topic, { body: bytes(body) }, { latched: true })
      await eventually(() => expect(got).toEqual(['early 1', 'early 2']))
      // The nodes of a cluster hear of it one after the other: who subscribes meanwhile may have it as new, too.
      await quiet()
      await b.subscribe(topic, listener('indifferent'))
      await b.subscribe(topic, listener('late'), { latched: true })
      await eventually(() => expect(got.slice(2)).toEqual(['late 2 latched']))
      // The same connection asks again, and another one.
      await b.subscribe(topic, listener('later'), { latched: true })
      await (await bench.connect()).subscribe(topic, listener('other'), { latched: true })
      await eventually(() => expect(got.slice(3).sort()).toEqual(['later 2 latched', 'other 2 latched']))
      await quiet()
      expect(got).toHaveLength(5)
      await a.publish(topic, { body: bytes('3') })
      await eventually(() =>
        expect(got.slice(5).sort()).toEqual(['early 3', 'indifferent 3', 'late 3', 'later 3', 'other 3']),
      )
      await b.subscribe(topic, listener('last'), { latched: true })
      await eventually(() => expect(got.slice(10)).toEqual(['last 2 latched']))
    })

    it('marks nothing that was published after the subscription, though its connection be busy', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const got: string[] = []
      bench.after(() => a.publish(topic, { body: bytes('') }, { latched: true }).catch(() => {}))
      await b.subscribe(unique(), () => {})
      const large = { body: new Uint8Array(1_000_000) }
      const busy = Array.from({ length: 50 }, () => b.publish(unique(), large))
      await b.subscribe(topic, (_, frame) => void got.push(`${text(frame)}${frame.latched ? ' latched' : ''}`), {
        latched: true,
      })
      await a.publish(topic, { body: bytes('1') }, { latched: true })
      await Promise.all(busy)
      await eventually(() => expect(got).toEqual(['1']))
      await quiet()
      expect(got).toHaveLength(1)
    })

    it.each([false, true])('does not wait for who takes the kept value (reliable: %s)', async reliable => {
      if (reliable && !supports.reliable) return
      const a = await bench.connect()
      const { transport: b, errors } = await bench.link()
      const topic = unique()
      const taken = gate()
      bench.after(() => a.publish(topic, { body: bytes('') }, { latched: true }).catch(() => {}))
      await a.publish(topic, { body: bytes('1') }, { latched: true })
      // The nodes of a cluster hear of it one after the other.
      await quiet()
      const listener = async () => {
        await taken.opened
        throw new Error('spilt')
      }
      await b.subscribe(topic, listener, { latched: true, reliable })
      expect(errors).toEqual([])
      taken.open()
      await eventually(() => expect(errors.map(String)).toEqual(['Error: spilt']))
    })

    it('forgets a latched value when an empty one is published', async () => {
      const [a, b] = await pair()
      const topic = unique()
      const got: string[] = []
      const first = await b.subscribe(topic, (_, frame) => void got.push(text(frame)))
      for (const body of ['1', '']) await a.publish(topic, { body: bytes(body) }, { latched: true })
      // The broker has taken them when others have them.
      await eventually(() => expect(got).toEqual(['1', '']))
      await first.close()
      await b.subscribe(topic, (_, frame) => void got.push(`late ${text(frame)}`), { latched: true })
      await quiet()
      expect(got).toEqual(['1', ''])
    })
  } else {
    it('cannot be latched, and says so', async () => {
      const a = await bench.connect()
      await expect(a.publish(unique(), { body: bytes('x') }, { latched: true })).rejects.toMatchObject(UNSUPPORTED)
      await expect(a.subscribe(unique(), () => {}, { latched: true })).rejects.toMatchObject(UNSUPPORTED)
    })
  }

  if (supports.latched === true) {
    it('gives a pattern the latched value of each topic', async () => {
      const [a, b] = await pair()
      const root = unique()
      const topics = [`${root}.a`, `${root}.b.c`]
      const live: string[] = []
      const got: string[] = []
      await b.subscribe(`${root}.*`, topic => void live.push(topic))
      for (const topic of topics) {
        bench.after(() => a.publish(topic, { body: bytes('') }, { latched: true }).catch(() => {}))
        await a.publish(topic, { body: bytes('x') }, { latched: true })
      }
      await eventually(() => expect(live.sort()).toEqual(topics))
      await b.subscribe(`${root}.*`, (topic, frame) => void (frame.latched && got.push(topic)), { latched: true })
      await eventually(() => expect(got.sort()).toEqual(topics))
    })
  }

  if (supports.groups) {
    const how = { reliable: supports.groups === 'reliable' }

    it('gives each message to one member of a group, in turn, and to every other subscriber', async () => {
      const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
      const topic = unique()
      const group = unique()
      const got: Record<'b' | 'c' | 'other' | 'single', string[]> = { b: [], c: [], other: [], single: [] }
      await b.subscribe(topic, (_, frame) => void got.b.push(text(frame)), { group })
      await c.subscribe(topic, (_, frame) => void got.c.push(text(frame)), { group })
      await c.subscribe(topic, (_, frame) => void got.other.push(text(frame)), { group: `${group}2` })
      await c.subscribe(topic, (_, frame) => void got.single.push(text(frame)))
      const sent = numbers(20)
      for (const [i, body] of sent.entries()) {
        await a.publish(topic, { body: bytes(body) }, how)
        await eventually(() => expect(got.b.length + got.c.length).toBe(i + 1))
      }
      await quiet()
      const byNumber = (x: string, y: string) => Number(x) - Number(y)
      expect([...got.b, ...got.c].sort(byNumber)).toEqual(sent)
      expect(got.b).not.toEqual([])
      expect(got.c).not.toEqual([])
      expect(got.other).toEqual(sent)
      expect(got.single).toEqual(sent)
    })

    it('gives all to the members that stay when one leaves, whoever came first', async () => {
      const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
      const topic = unique()
      const group = unique()
      const got: string[] = []
      const first = await b.subscribe(topic, () => void got.push('left'), { group })
      await c.subscribe(topic, (_, frame) => void got.push(text(frame)), { group })
      await first.close()
      const sent = numbers(10)
      for (const body of sent) await a.publish(topic, { body: bytes(body) }, how)
      await eventually(() => expect(got).toEqual(sent))
    })

    if (supports.reliable) {
      it('is reliable in a group too', async () => {
        const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
        const topic = unique()
        const got: string[] = []
        for (const transport of [b, c]) {
          const listener = async (_: string, frame: Parameters<typeof text>[0]) => void got.push(text(frame))
          await transport.subscribe(topic, listener, { group: topic, reliable: true })
        }
        const sent = numbers(50)
        await Promise.all(sent.map(body => a.publish(topic, { body: bytes(body) }, { reliable: true })))
        await eventually(() => expect([...got].sort()).toEqual([...sent].sort()))
        await quiet()
        expect(got).toHaveLength(50)
      })
    }
  } else {
    it('knows no groups, and says so', async () => {
      const a = await bench.connect()
      await expect(a.subscribe(unique(), () => {}, { group: 'g' })).rejects.toMatchObject(UNSUPPORTED)
    })
  }
}
