import { action, GoalStatus, rpc, topic } from '@commlib/core'
import { expect } from 'vitest'
import { eventually, gate, numbers, unique } from '../bench.ts'
import { soon, type TestNode } from '../nodes/bench.ts'

/** What a role needs. */
export interface Cast {
  /** Meets the fault. */
  readonly victim: TestNode

  /** Has a line of its own. */
  readonly peer: TestNode
}

/** What somebody does with a node, so that it can be seen whether a fault harms it. */
export interface Role {
  readonly name: string

  /** Begins; resolves to what must hold when the fault is over. */
  begin(cast: Cast): Promise<Scene>
}

export interface Scene {
  /** Ends what was in flight, and uses everything once more. */
  verify(): Promise<void>

  /** What each handler has been given, by name: nothing may be there twice. */
  readonly handled: readonly string[]
}

interface Value {
  readonly n: number
}

/** Milliseconds in which an endpoint must work again once its node is connected. */
const AGAIN = 2000

/** How a call that a fault has met may end, if it is not answered. */
const UNANSWERED = /^(TIMEOUT|CONNECTION_LOST|NO_SERVICE)$/

/** Publishes until it has arrived: what was sent while the other side was away need not. */
async function arrives(
  from: TestNode,
  name: string,
  handled: readonly string[],
  first: number,
  label = '',
): Promise<void> {
  const publisher = from.publisher(topic<Value>(name))
  let n = first
  await soon(async () => {
    n++
    await publisher.publish({ n })
    await eventually(() => expect(handled).toContain(`${label}${n}`), 200)
  }, AGAIN)
}

function messages(name: string, subscribe: (cast: Cast, topic: string, handled: string[]) => Promise<string>): Role {
  return {
    name,
    begin: async cast => {
      const handled: string[] = []
      const published = await subscribe(cast, unique(), handled)
      await arrives(cast.peer, published, handled, 0)
      return { handled, verify: () => arrives(cast.peer, published, handled, 100) }
    },
  }
}

function calls(name: string, sides: (cast: Cast) => readonly [caller: TestNode, service: TestNode]): Role {
  return {
    name,
    begin: async cast => {
      const [caller, service] = sides(cast)
      const handled: string[] = []
      const begun = gate()
      const end = gate()
      const Wait = rpc<Value, Value>(unique())
      await service.serve(Wait, async ({ n }) => {
        handled.push(String(n))
        begun.open()
        if (n === 0) await end.opened
        return { n }
      })
      const wait = caller.client(Wait)
      const call = wait({ n: 0 }, { timeout: 5000 }).catch(error => error)
      await begun.opened
      return {
        handled,
        verify: async () => {
          end.open()
          let n = 1
          expect(await soon(() => wait({ n: n++ }, { timeout: 500 }), AGAIN)).toEqual({ n: n - 1 })
          const result = await call
          if (result instanceof Error) expect(result).toMatchObject({ code: expect.stringMatching(UNANSWERED) })
          else expect(result).toEqual({ n: 0 })
        },
      }
    },
  }
}

function goals(name: string, sides: (cast: Cast) => readonly [client: TestNode, service: TestNode]): Role {
  return {
    name,
    begin: async cast => {
      const [client, service] = sides(cast)
      const handled: string[] = []
      const begun = gate()
      const end = gate()
      const Work = action<Value, Value, Value>(unique())
      const handler = async ({ n }: Value) => {
        handled.push(String(n))
        begun.open()
        if (n === 0) await end.opened
        return { n }
      }
      await service.serve(Work, handler, { policy: 'parallel' })
      const work = client.client(Work)
      const goal = await work({ n: 0 })
      await begun.opened
      return {
        handled,
        verify: async () => {
          end.open()
          expect(await goal.outcome).toMatchObject({ status: GoalStatus.SUCCEEDED, result: { n: 0 } })
          let n = 1
          const next = await soon(() => work({ n: n++ }, { timeout: 500 }), AGAIN)
          expect(await next.result).toEqual({ n: n - 1 })
        },
      }
    },
  }
}

/** Everything that a node can be in the middle of. */
export function roles(supports: {
  readonly groups: boolean | 'reliable'
  readonly reliable: boolean | 'plain'
}): readonly Role[] {
  return [
    messages('a publisher', async ({ victim, peer }, name, handled) => {
      await peer.subscribe(topic<Value>(name), ({ n }) => void handled.push(String(n)))
      // The peer is told what to publish: it is the victim that does.
      await peer.subscribe(topic<Value>(`${name}.ask`), () => {})
      await victim.subscribe(topic<Value>(`${name}.ask`), ({ n }) =>
        victim.publisher(topic<Value>(name)).publish({ n }),
      )
      return `${name}.ask`
    }),
    messages('a subscriber', async ({ victim }, name, handled) => {
      const options = supports.reliable ? { reliable: true } : {}
      await victim.subscribe(topic<Value>(name), async ({ n }) => void handled.push(String(n)), options)
      return name
    }),
    messages('a pattern', async ({ victim }, name, handled) => {
      await victim.subscribe(topic<Value>(`${name}.*`), ({ n }) => void handled.push(String(n)))
      await victim.subscribe(topic(`${name}.{kind}.b`), () => {})
      return `${name}.a.b`
    }),
    ...(supports.groups ? [group(supports.groups === 'reliable')] : []),
    calls('a caller with a call in flight', ({ victim, peer }) => [victim, peer]),
    calls('a service with a call in flight', ({ victim, peer }) => [peer, victim]),
    goals('a client with a goal under way', ({ victim, peer }) => [victim, peer]),
    goals('an action service in the middle of a goal', ({ victim, peer }) => [peer, victim]),
  ]
}

const group = (reliable: boolean): Role => ({
  name: 'a member of a group',
  begin: async ({ victim, peer }) => {
    const name = unique()
    const Values = topic<Value>(name)
    const handled: string[] = []
    let mine = 0
    await victim.subscribe(
      Values,
      ({ n }) => {
        mine++
        handled.push(String(n))
      },
      { group: name },
    )
    await peer.subscribe(Values, ({ n }) => void handled.push(String(n)), { group: name })
    const publisher = peer.publisher(Values)
    /** Ten, of which the victim gets some. */
    const round = async (first: number) => {
      const before = mine
      const sent = numbers(10).map(n => String(first + Number(n)))
      for (const n of sent) await publisher.publish({ n: Number(n) }, { reliable })
      await eventually(() => expect(handled).toEqual(expect.arrayContaining(sent)), 500)
      expect(mine).toBeGreaterThan(before)
    }
    await round(0)
    let first = 0
    return { handled, verify: () => soon(() => round((first += 100)), AGAIN) }
  },
})
