import { expect, it, vi } from 'vitest'
import {
  bytes,
  type ComplianceOptions,
  createBench,
  eventually,
  gate,
  lengths,
  numbers,
  quiet,
  text,
  unique,
} from './bench.ts'

export function testTopics(options: ComplianceOptions): void {
  const bench = createBench(options)

  it('reach every subscriber, their publisher included', async () => {
    const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    for (const [name, transport] of Object.entries({ a, b, c })) {
      await transport.subscribe(topic, (_, frame) => void got.push(`${name}:${text(frame)}`))
    }
    await a.publish(topic, { body: bytes('hi') })
    await eventually(() => expect(got.sort()).toEqual(['a:hi', 'b:hi', 'c:hi']))
    await quiet()
    expect(got).toHaveLength(3)
  })

  it('arrive under their dotted name, and under no other', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const root = unique()
    const topic = `${root}.Arm-1.joint_2`
    const got: string[] = []
    await b.subscribe(topic, name => void got.push(name))
    await b.subscribe(root, name => void got.push(`parent of ${name}`))
    await b.subscribe(`${topic}.x`, name => void got.push(`child of ${name}`))
    await a.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual([topic]))
    await quiet()
    expect(got).toEqual([topic])
  })

  it('keep the order of one publisher, whether it waits or not', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    await b.subscribe(topic, (_, frame) => void got.push(text(frame)))
    const sent = numbers(200)
    for (const body of sent.slice(0, 100)) await a.publish(topic, { body: bytes(body) })
    await Promise.all(sent.slice(100).map(body => a.publish(topic, { body: bytes(body) })))
    await eventually(() => expect(got).toEqual(sent))
  })

  it.each(lengths(options))('carry %s', async (_, length) => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const body = Uint8Array.from({ length }, (_, i) => i)
    const got: Uint8Array[] = []
    await b.subscribe(topic, (_, frame) => void got.push(frame.body))
    await a.publish(topic, { body })
    await eventually(() => expect(got).toHaveLength(1))
    expect(got[0]).toBeInstanceOf(Uint8Array)
    expect(Buffer.compare(got[0] ?? new Uint8Array(), body)).toBe(0)
  })

  it('leave a body as it came, whatever comes after it', async () => {
    const [a, b, c] = await Promise.all([bench.connect(), bench.connect(), bench.connect()])
    const topic = unique()
    const got: Uint8Array[] = []
    for (const transport of [b, c]) await transport.subscribe(topic, (_, frame) => void got.push(frame.body))
    const sent = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i % 20 === 0 ? 50_000 : 10 + i, 0x41 + i))
    for (const body of sent) await a.publish(topic, { body })
    await eventually(() => expect(got).toHaveLength(2 * sent.length))
    const bodies = got.map(body => Buffer.from(body).toString('latin1')).sort()
    expect(bodies).toEqual(sent.flatMap(body => [body.toString('latin1'), body.toString('latin1')]).sort())
  })

  if (bench.supports.properties) {
    it('carry properties beside the body', async () => {
      const [a, b] = await Promise.all([bench.connect(), bench.connect()])
      const topic = unique()
      const got = vi.fn()
      await b.subscribe(topic, (_, frame) => got(frame))
      const properties = {
        contentType: 'application/json',
        contentEncoding: 'deflate',
        headers: { one: '1', empty: '', 'déjà vu': '✓' },
      }
      await a.publish(topic, { body: bytes('x'), ...properties })
      await eventually(() => expect(got).toHaveBeenCalledOnce())
      expect(got.mock.lastCall?.[0]).toMatchObject(properties)
    })
  }

  if (bench.supports.headers !== 'never') {
    const reliable = bench.supports.headers === 'reliable'
    it(`carry headers beside the body${reliable ? ' of what is reliable' : ''}`, async () => {
      const [a, b] = await Promise.all([bench.connect(), bench.connect()])
      const topic = unique()
      const got = vi.fn()
      await b.subscribe(topic, (_, frame) => got(frame), { reliable })
      const headers = { one: '1', empty: '', 'déjà vu': '✓' }
      await a.publish(topic, { body: bytes('x'), headers }, { reliable })
      await eventually(() => expect(got).toHaveBeenCalledOnce())
      expect(got.mock.lastCall?.[0]).toMatchObject({ headers })
    })
  }

  it('arrive in the order they were published in, whatever their topics', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const root = unique()
    const got: string[] = []
    for (const topic of [`${root}.often`, `${root}.seldom`, `${root}.some.*`])
      await b.subscribe(topic, (_, frame) => void got.push(text(frame)))
    const sent = numbers(3000)
    const topicOf = (n: number) => (n % 100 === 99 ? 'seldom' : n % 10 === 0 ? `some.${n}` : 'often')
    for (const number of sent) await a.publish(`${root}.${topicOf(Number(number))}`, { body: bytes(number) })
    await eventually(() => expect(got).toHaveLength(sent.length))
    expect(got).toEqual(sent)
  })

  it('stop when the subscription closes, which may be done twice', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got = vi.fn()
    const subscription = await b.subscribe(topic, got)
    await subscription.close()
    await subscription.close()
    await a.publish(topic, { body: bytes('late') })
    await quiet()
    expect(got).not.toHaveBeenCalled()
  })

  it('stop at once when the listener closes the subscription', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    const subscription = await b.subscribe(topic, (_, frame) => {
      got.push(text(frame))
      if (got.length === 3) void subscription.close()
    })
    await Promise.all(numbers(20).map(body => a.publish(topic, { body: bytes(body) })))
    await eventually(() => expect(got).toHaveLength(3))
    await quiet()
    expect(got).toEqual(['0', '1', '2'])
  })

  it('reach two subscriptions of one connection once each, and one of them when the other closes', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const got: string[] = []
    const first = await b.subscribe(topic, (_, frame) => void got.push(`first ${text(frame)}`))
    const second = await b.subscribe(topic, (_, frame) => void got.push(`second ${text(frame)}`))
    await a.publish(topic, { body: bytes('a') })
    await eventually(() => expect(got.sort()).toEqual(['first a', 'second a']))
    await first.close()
    await a.publish(topic, { body: bytes('b') })
    await eventually(() => expect(got).toContain('second b'))
    await second.close()
    await a.publish(topic, { body: bytes('c') })
    await quiet()
    expect(got.sort()).toEqual(['first a', 'second a', 'second b'])
  })

  it('can be published, subscribed to and left by a listener', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const topic = unique()
    const done = gate()
    const once = await b.subscribe(topic, async () => {
      await once.close()
      await b.subscribe(`${topic}.next`, () => done.open())
      await b.publish(`${topic}.next`, { body: bytes('x') })
    })
    await a.publish(topic, { body: bytes('x') })
    await done.opened
  })

  it('go on when a listener throws or rejects, which is told', async () => {
    const a = await bench.connect()
    const { transport: b, errors } = await bench.link()
    const topic = unique()
    const got: string[] = []
    await b.subscribe(topic, (_, frame) => {
      got.push(text(frame))
      if (text(frame) === 'throw') throw new Error('thrown')
      if (text(frame) === 'reject') return Promise.reject(new Error('rejected'))
      return undefined
    })
    for (const body of ['throw', 'reject', 'fine']) await a.publish(topic, { body: bytes(body) })
    await eventually(() => expect(got).toEqual(['throw', 'reject', 'fine']))
    await eventually(() => expect(errors.map(String)).toEqual(['Error: thrown', 'Error: rejected']))
  })
}
