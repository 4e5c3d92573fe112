import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startMosquitto } from '@commlib/testing'
import { afterAll, expect, test } from 'vitest'
import { connect, eventually } from './support.ts'

const broker = await startMosquitto()
afterAll(() => broker.close())

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes behind Buffers once what nobody holds is gone. */
function held(): number {
  collect()
  return process.memoryUsage().arrayBuffers
}

test('subscriptions that come and go leave no part of the pool of Buffers behind', async () => {
  const { transport } = await connect(broker.url)
  const turn = async (i: number) => {
    const { close } = await transport.subscribe(`passing.${i}`, () => {})
    await close()
    // What other traffic does: the next buffer is cut from another piece of the pool.
    for (let cut = 0; cut <= Buffer.poolSize; cut += 1000) Buffer.allocUnsafe(1000)
  }
  for (let i = 0; i < 20; i++) await turn(i)
  const before = held()
  for (let i = 20; i < 120; i++) await turn(i)
  // What nobody holds is given back by another thread, which may be late.
  await eventually(() => expect(held() - before).toBeLessThan(20 * Buffer.poolSize))
})
