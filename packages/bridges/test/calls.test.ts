import { action, rpc } from '@commlib/core'
import { describe, expect, it } from 'vitest'
import { bridge } from '../src/index.ts'
import { after, fresh, kinds, nodeOn, sharedBrokers } from './world.ts'

const broker = sharedBrokers()
const INVALID = { code: 'INVALID_OPTION', message: expect.stringContaining('would go in a circle') }

describe.each(kinds)('calls on $name that bridges would carry in a circle', kind => {
  const world = async () => {
    const [here, there] = [broker(kind, 0), broker(kind, 1)]
    const [user, a, b, b2, a2] = await Promise.all([here, here, there, there, here].map(each => nodeOn(each)))
    return { user, a, b, b2, a2 } as Required<{ [Key in 'user' | 'a' | 'b' | 'b2' | 'a2']: NonNullable<typeof user> }>
  }

  it('are refused where one process has all of it', async () => {
    const { a, b, b2 } = await world()
    const Add = rpc(fresh('add'))
    const first = await bridge(a, b, Add)
    await expect(bridge(b, a, Add)).rejects.toMatchObject(INVALID)
    await expect(bridge(a, a, rpc(fresh('self')))).rejects.toMatchObject(INVALID)
    // Longer ones too, over connections of their own and another name, where the brokers are named.
    const Work = action(fresh('work'))
    const forth = await bridge(a, b, Work, { namespace: 'there', brokers: ['here', 'there'] })
    const back = action(`there.${Work.name}`)
    await expect(
      bridge(b2, a, back, { rename: name => name.replace('there.', ''), brokers: ['there', 'here'] }),
    ).rejects.toMatchObject(INVALID)
    expect([a.ports.length, b.ports.length, b2.ports.length]).toEqual([2, 2, 0])
    // What was closed is in nobody's way.
    await first.close()
    await (await bridge(b, a, Add)).close()
    await forth.close()
  })

  it('come back to nobody where they cannot know of each other', async () => {
    const { user, a, b, b2, a2 } = await world()
    const Add = rpc<{ n: number }, { n: number }>(fresh('add'))
    // As two processes have them: each connection counts as a broker.
    const forth = await bridge(a, b, Add)
    const back = await bridge(b2, a2, Add)
    after(() => Promise.all([forth.close(), back.close()]))
    const started = performance.now()
    for (let n = 0; n < 10; n++)
      await expect(user.client(Add)({ n }, { timeout: 4000 })).rejects.toMatchObject({
        code: 'NO_SERVICE',
        remote: { name: 'BridgeError' },
      })
    expect(performance.now() - started).toBeLessThan(4000)
    const calls = [forth, back].map(({ counters }) => counters.forwarded + counters.errors)
    expect(forth.counters.looped + back.counters.looped).toBe(10)
    // Once around, at the most twice where the two share a queue.
    expect(Math.max(...calls)).toBeLessThanOrEqual(20)
  })
})
