import { matcher } from '@commlib/core/internal'
import { expect, it, vi } from 'vitest'
import { bytes, type ComplianceOptions, createBench, eventually, quiet, unique } from './bench.ts'

const TOPICS = ['a', 'b', 'a.b', 'x.b', 'a.b.c', 'a.x.c', 'a.b.c.d', 'a-b.c']

export function testPatterns(options: ComplianceOptions): void {
  const bench = createBench(options)
  const { supports } = bench

  it.each([
    ['*', TOPICS],
    ['*.b', ['a.b', 'x.b']],
    ['a.*', ['a.b', 'a.b.c', 'a.x.c', 'a.b.c.d']],
    ['a.*.c', ['a.b.c', 'a.x.c']],
    ['a.*.*', ['a.b.c', 'a.x.c', 'a.b.c.d']],
  ])('reach %s', async (tail, expected) => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const root = unique()
    const matches = matcher(`${root}.${tail}`)
    const got: string[] = []
    // A transport may deliver more than the pattern asks for, but what it asks for once.
    await b.subscribe(`${root}.${tail}`, topic => void (matches(topic) && got.push(topic.slice(root.length + 1))))
    for (const topic of TOPICS) await a.publish(`${root}.${topic}`, { body: bytes('x') })
    await eventually(() => expect(got.sort()).toEqual([...expected].sort()))
    await quiet()
    expect(got).toHaveLength(expected.length)
  })

  it('that overlap on one connection get one copy each', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const root = unique()
    const got: string[] = []
    const patterns = [`${root}.x.y`, `${root}.*`, `${root}.*.y`, `${root}.x.*`]
    for (const pattern of patterns) await b.subscribe(pattern, () => void got.push(pattern))
    await a.publish(`${root}.x.y`, { body: bytes('x') })
    await eventually(() => expect(got.sort()).toEqual([...patterns].sort()))
    await quiet()
    expect(got).toHaveLength(patterns.length)
  })

  it('end when the subscription closes, and leave the others', async () => {
    const [a, b] = await Promise.all([bench.connect(), bench.connect()])
    const root = unique()
    const ended = vi.fn()
    const going = vi.fn()
    const pattern = await b.subscribe(`${root}.*`, ended)
    await b.subscribe(`${root}.x`, going)
    await pattern.close()
    await a.publish(`${root}.x`, { body: bytes('x') })
    await eventually(() => expect(going).toHaveBeenCalledOnce())
    await quiet()
    expect(ended).not.toHaveBeenCalled()
  })

  for (const option of ['reliable', 'latched'] as const) {
    if (supports[option] !== 'plain') continue
    it(`cannot be ${option}, and say so`, async () => {
      const a = await bench.connect()
      const subscribed = a.subscribe(`${unique()}.*`, () => {}, { [option]: true })
      await expect(subscribed).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
  }
}
