import { dedup, topic } from '@commlib/core'
import { contextOf, type Frame } from '@commlib/core/internal'
import { expect, it } from 'vitest'
import { bytes, type ComplianceOptions, eventually, unique } from '../bench.ts'
import { createNodeBench } from './bench.ts'

export function testDedup(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  const { reliable, headers } = bench.supports

  if (headers === 'never') {
    it('is refused where headers do not travel', async () => {
      const node = await bench.node()
      const subscribing = node.subscribe(topic(unique()), () => {}, { reliable: true, dedup: dedup() })
      await expect(subscribing).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
    return
  }
  if (!reliable) return

  it('hands a message over once, however often it is delivered', async () => {
    const [a, b] = await bench.nodes()
    const Count = topic<{ n: number }>(unique())
    const frames: Frame[] = []
    const raw = contextOf(b).transport
    await raw.subscribe(Count.name, (_, frame) => void frames.push(frame), { reliable: true })
    const publisher = a.publisher(Count)
    for (let n = 0; n < 3; n++) await publisher.publish({ n }, { reliable: true })
    await eventually(() => expect(frames).toHaveLength(3))
    const ids = frames.map(frame => frame.headers?.['id'])
    expect(new Set(ids).size).toBe(3)

    const c = await bench.node()
    const got: unknown[] = []
    await c.subscribe(Count, ({ n }) => got.push(n), { reliable: true, dedup: dedup({ count: 2 }) })
    const again = async (id: string | undefined, n: number) => {
      const headers = id === undefined ? undefined : { id }
      await contextOf(a).transport.publish(Count.name, { body: bytes(`{"n":${n}}`), headers }, { reliable: true })
    }
    for (const [id, n] of [
      ['x', 1],
      ['x', 1],
      ['y', 2],
      ['x', 1],
      ['z', 3],
      // Only the last two are remembered.
      ['x', 4],
      [undefined, 5],
      [undefined, 5],
    ] as const)
      await again(id, n)
    await eventually(() => expect(got).toEqual([1, 2, 3, 4, 5, 5]))
  })
}
