import { action, rpc } from '@commlib/core'
import { Type } from 'typebox'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type BridgeOptions, bridge, type CallBridgeOptions } from '../src/index.ts'
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

describe('a bridge of calls', () => {
  const [memory] = kinds as [(typeof kinds)[number]]
  const world = () => Promise.all([0, 1, 0, 1].map(which => nodeOn(broker(memory, which as 0 | 1))))
  const shapes = {
    request: Type.Object({ celsius: Type.Number() }),
    response: Type.Object({ set: Type.Number(), by: Type.String({ default: 'nobody' }) }),
  }

  it('filters requests, and transforms them and their answers', async () => {
    const [alice, bob, source, sink] = (await world()) as Awaited<ReturnType<typeof nodeOn>>[] & { length: 4 }
    if (!alice || !bob || !source || !sink) throw new Error('four nodes')
    const Heat = rpc(fresh('set'), shapes)
    const told: unknown[] = []
    const made = await bridge(source, sink, Heat, {
      to: `${Heat.name}.there`,
      filter: ({ celsius }, context) => {
        told.push(context)
        return celsius < 100
      },
      transform: {
        request: async ({ celsius }) =>
          celsius === 13 ? ({ celsius: 'unlucky' } as never) : { celsius: celsius + 273 },
        response: ({ set, by }) => {
          if (set === 280) throw new RangeError('too cold')
          return { set: set - 273, by: `${by} there` }
        },
      },
    })
    after(() => made.close())
    await bob.serve(rpc(`${Heat.name}.there`, shapes), ({ celsius }) => ({ set: celsius, by: 'bob' }))
    const set = alice.client(Heat)
    expect(await set({ celsius: 20 })).toEqual({ set: 20, by: 'bob there' })
    await expect(set({ celsius: 100 })).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      remote: { name: 'BridgeError' },
    })
    await expect(set({ celsius: 13 })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      remote: { name: 'BridgeError' },
    })
    await expect(set({ celsius: 7 })).rejects.toMatchObject({ code: 'REMOTE_ERROR', remote: { name: 'RangeError' } })
    expect(told[0]).toEqual({ name: Heat.name, sinkName: `${Heat.name}.there` })
    expect(made.counters).toMatchObject({ forwarded: 1, filtered: 1, errors: 2 })
  })

  it('has options of its own', async () => {
    const [, , source, sink] = await world()
    const Heat = rpc(fresh('set'), shapes)
    type Options = BridgeOptions<typeof Heat>
    expectTypeOf<Parameters<NonNullable<Options['filter']>>[0]>().toEqualTypeOf<{ celsius: number }>()
    expectTypeOf<BridgeOptions<ReturnType<typeof action>>>().toEqualTypeOf<CallBridgeOptions>()
    const wrong = (contract: typeof Heat, options: object) => bridge(source as never, sink as never, contract, options)
    await expect(wrong(Heat, { transform: (x: unknown) => x })).rejects.toThrow(
      'transform must be { request, response }',
    )
    await expect(wrong(Heat, { transform: { answer: () => {} } })).rejects.toThrow("transform has no option 'answer'")
    await expect(wrong(Heat, { twoWay: true, namespace: 'x', transform: {} })).rejects.toThrow('make two bridges')
    await expect(wrong(action(fresh('work')) as never, { filter: () => true })).rejects.toThrow("no option 'filter'")
  })
})
