import type { Context } from '@commlib/core/internal'
import { expect, it } from 'vitest'
import type { Tally } from '../src/counters.ts'
import { bestEffortOutlet } from '../src/outlet.ts'

it('a flood that the sink does not take is dropped, counted one by one and told in sums', async () => {
  const tally: Tally = { forwarded: 0, dropped: 0, filtered: 0, looped: 0, errors: 0 }
  const told: unknown[] = []
  const transport = { publish: () => new Promise<void>(() => {}) }
  const outlet = bestEffortOutlet({
    sink: { transport } as unknown as Context,
    publishing: { begins: () => {}, ends: () => {} },
    latched: false,
    maxInFlight: 10,
    tally,
    onError: error => void told.push(error),
  })
  for (let n = 0; n < 10_000; n++) void outlet.take({ topic: 'flood', frame: { body: new Uint8Array(1) }, at: 0 })
  expect(tally).toMatchObject({ forwarded: 0, dropped: 9990, errors: 9990 })
  const dropped = (count: number) => ({
    code: 'BUFFER_FULL',
    message: expect.stringContaining(`${count} dropped: 'flood'`),
  })
  expect(told).toMatchObject([dropped(1)])
  await outlet.close()
  expect(told).toMatchObject([dropped(1), dropped(9989)])
})
