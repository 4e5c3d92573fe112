import { control, event, heartbeat, rpc, topic } from '@commlib/core'
import { expect, it, vi } from 'vitest'
import { type ComplianceOptions, eventually, numbers, quiet, unique } from '../bench.ts'
import { aborted, createNodeBench } from './bench.ts'

interface Count {
  readonly n: number
}

export function testMessages(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const { supports } = bench

  it('are iterated in order, until the loop is left', async () => {
    const [a, b] = await bench.nodes()
    const Counts = topic<Count>(unique())
    const counts = await b.subscribe(Counts)
    const publisher = a.publisher(Counts)
    for (const n of [1, 2, 3, 4]) await publisher.publish({ n })
    const got: number[] = []
    for await (const { n } of counts) if (got.push(n) === 3) break
    expect(got).toEqual([1, 2, 3])
    expect(b.ports).toEqual([])
  })

  it('reach a handler with topic and captures', async () => {
    const [a, b] = await bench.nodes()
    const root = unique()
    const Rooms = topic<Count>(`${root}.{room}.temperature`)
    const Rest = topic<Count>(`${root}.{rest...}`)
    const got: unknown[] = []
    await b.subscribe(Rooms, ({ n }, context) => void got.push(['rooms', n, context.topic, context.params['room']]))
    await b.subscribe(Rest, ({ n }, { params }) => void got.push(['rest', n, params['rest']]))
    await a.publisher(Rooms).publish({ n: 1 }, { params: { room: 'kitchen' } })
    await a.publisher(topic<Count>(`${root}.*`)).publish({ n: 2 }, { topic: `${root}.a.b` })
    await eventually(() =>
      expect([...got].sort()).toEqual([
        ['rest', 1, 'kitchen.temperature'],
        ['rest', 2, 'a.b'],
        ['rooms', 1, `${root}.kitchen.temperature`, 'kitchen'],
      ]),
    )
    await quiet()
    expect(got).toHaveLength(3)
  })

  it('are all a pattern hears: no calls, no answers, no cancelling', async () => {
    const [a, b] = await bench.nodes()
    const root = unique()
    const Wait = rpc<Count, Count>(`${root}.wait`)
    const got: string[] = []
    await b.subscribe(topic(`${root}.*`), (_, context) => void got.push(context.topic))
    await b.serve(Wait, async ({ n }, { signal }) => {
      if (n > 0) await aborted(signal)
      return { n }
    })
    const wait = a.client(Wait)
    await wait({ n: 0 })
    await expect(wait({ n: 1 }, { signal: AbortSignal.timeout(50) })).rejects.toThrow()
    await a.publisher(topic<Count>(`${root}.x`)).publish({ n: 1 })
    await eventually(() => expect(got).toContain(`${root}.x`))
    await quiet()
    expect(got).toEqual([`${root}.x`])
  })

  it.each([
    ['ASCII', 'x'],
    ['other characters', 'é→🤖'],
  ])('and calls of any length arrive whole, in %s', async (_, characters) => {
    const [a, b] = await bench.nodes()
    const Texts = topic<{ readonly text: string }>(unique())
    const Echo = rpc<{ readonly text: string }, { readonly text: string }>(unique())
    const lengths = options.slow ? [10, 16_384] : [10, 16_370, 16_384, 65_500, 98_300, 131_060, 300_000]
    const texts = lengths.map(length => characters.repeat(Math.ceil(length / characters.length)))
    const got: string[] = []
    await b.subscribe(Texts, ({ text }) => void got.push(text), { reliable: supports.reliable !== false })
    await b.serve(Echo, request => request)
    const publisher = a.publisher(Texts)
    const echo = a.client(Echo)
    // Together, so that they share what they can.
    const answers = Promise.all(texts.map(text => echo({ text })))
    for (const reliable of [false, supports.reliable !== false]) {
      await Promise.all(texts.map(text => publisher.publish({ text }, { reliable })))
    }
    expect((await answers).map(({ text }) => text)).toEqual(texts)
    await eventually(() => expect(got).toHaveLength(2 * texts.length))
    expect(got.toSorted()).toEqual([...texts, ...texts].toSorted())
  })

  it('that are not JSON end in onError, and the next one arrives', async () => {
    const b = await bench.node()
    const raw = await bench.connect()
    const name = unique()
    const got: unknown[] = []
    await b.subscribe(topic(name), message => void got.push(message))
    await raw.publish(name, { body: Uint8Array.of(0x7b, 0xff, 0x00) })
    await raw.publish(name, { body: new TextEncoder().encode('{"n":1}') })
    await eventually(() => expect(got).toEqual([{ n: 1 }]))
    expect(b.errors).toMatchObject([{ code: 'DECODE_FAILED' }])
  })

  it('whose handler throws end in onError, and the next one arrives', async () => {
    const [a, b] = await bench.nodes()
    const Counts = topic<Count>(unique())
    const got: number[] = []
    await b.subscribe(Counts, ({ n }) => {
      got.push(n)
      if (n === 1) throw new Error('overflow')
    })
    for (const n of [1, 2]) await a.publisher(Counts).publish({ n })
    await eventually(() => expect(got).toEqual([1, 2]))
    expect(b.errors.map(String)).toEqual(['Error: overflow'])
  })

  if (supports.reliable) {
    it('are complete and in order if they are reliable', async () => {
      const [a, b] = await bench.nodes()
      const Counts = topic<Count>(unique())
      const got: number[] = []
      const handler = async ({ n }: Count) => {
        await null
        got.push(n)
      }
      await b.subscribe(Counts, handler, { reliable: true })
      const sent = numbers(300).map(Number)
      await Promise.all(sent.map(n => a.publisher(Counts).publish({ n }, { reliable: true })))
      await eventually(() => expect(got).toEqual(sent))
    })

    it('are handed again to a handler that throws, as often as it asks', async () => {
      const [a, b] = await bench.nodes()
      const Counts = topic<Count>(unique())
      const handler = vi.fn(() => {
        if (handler.mock.calls.length < 3) throw new Error('not yet')
      })
      await b.subscribe(Counts, handler, { reliable: true, retries: 5 })
      await a.publisher(Counts).publish({ n: 1 }, { reliable: true })
      await eventually(() => expect(handler).toHaveBeenCalledTimes(3))
      await quiet()
      expect(handler).toHaveBeenCalledTimes(3)
    })
  }

  if (supports.latched) {
    it('are kept for late joiners if they are latched', async () => {
      const [a, b] = await bench.nodes()
      const name = unique()
      const Counts = topic<Count>(name)
      const got: unknown[] = []
      bench.after(async () => (await bench.connect()).publish(name, { body: new Uint8Array() }, { latched: true }))
      await b.subscribe(Counts, ({ n }, { latched }) => void got.push([n, latched]))
      await a.publisher(Counts).publish({ n: 1 }, { latched: true })
      await eventually(() => expect(got).toEqual([[1, false]]))
      await b.subscribe(Counts, ({ n }, { latched }) => void got.push([n, latched]), { latched: true })
      await eventually(() => expect(got.slice(1)).toEqual([[1, true]]))
    })
  }

  if (supports.groups) {
    it('are shared by a group', async () => {
      const how = { reliable: supports.groups === 'reliable' }
      const [a, b] = await bench.nodes()
      const c = await bench.node()
      const Counts = topic<Count>(unique())
      const got: number[] = []
      for (const node of [b, c]) await node.subscribe(Counts, ({ n }) => void got.push(n), { group: 'workers' })
      for (let n = 0; n < 20; n++) await a.publisher(Counts).publish({ n }, how)
      await eventually(() => expect([...got].sort((x, y) => x - y)).toEqual(numbers(20).map(Number)))
    })
  }

  it('can be events, with name and description', async () => {
    const [a, b] = await bench.nodes()
    const uri = unique()
    const LightsOn = event<Count>(uri, { name: 'TurnOnLights', description: 'All of them' })
    const got: unknown[] = []
    await b.subscribe(LightsOn, (payload, context) => void got.push([payload, context.event]))
    await a.emit(LightsOn, { n: 1 })
    const described = { name: 'TurnOnLights', uri, description: 'All of them' }
    await eventually(() => expect(got).toEqual([[{ n: 1 }, described]]))
  })

  it('can be heartbeats', async () => {
    const watcher = await bench.node()
    const name = unique()
    const beats: number[] = []
    await watcher.subscribe(heartbeat(name), ({ ts }) => void beats.push(ts.getTime()))
    const node = await bench.node({ name, heartbeat: { interval: 50 } })
    expect(node.namespace).toBe(name)
    await eventually(() => expect(beats.length).toBeGreaterThanOrEqual(3))
    for (const beat of beats) expect(Math.abs(beat - Date.now())).toBeLessThan(10_000)
    await node.close()
    const { length } = beats
    await quiet(200)
    expect(beats.length).toBeLessThanOrEqual(length + 1)
  })

  it('stop and start with the node, by control from afar', async () => {
    const operator = await bench.node()
    const name = unique()
    const node = await bench.node({ name, control: true })
    const Counts = topic<Count>(`${name}.counts`)
    const got: number[] = []
    await node.subscribe(Counts, ({ n }) => void got.push(n))
    const { start, stop } = control(name)
    expect(await operator.client(stop)({})).toEqual({ status: 0, error: '' })
    expect(node.state).toBe('stopped')
    await operator.publisher(Counts).publish({ n: 1 })
    await quiet()
    expect(await operator.client(start)({})).toEqual({ status: 0, error: '' })
    expect(node.state).toBe('running')
    await operator.publisher(Counts).publish({ n: 2 })
    await eventually(() => expect(got).toEqual([2]))
  })
}
