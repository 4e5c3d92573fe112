import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Broker } from '../../brokers/broker.ts'
import { createFaultProxy, type FaultProxy } from '../../fault-proxy.ts'
import { type ComplianceOptions, eventually, quiet } from '../bench.ts'
import { throughProxy } from '../errors.ts'
import { createNodeBench, type TestNode } from '../nodes/bench.ts'
import { type Role, roles, type Scene } from './roles.ts'

/** What {@link testFaults} runs on. */
export interface FaultsOptions extends ComplianceOptions {
  /** A broker that nobody else uses meanwhile. */
  readonly broker: Broker

  /** What the broker is subscribed to, in a form that can be compared. Resolves when it is up to date. */
  subscriptions(): Promise<unknown>

  /** Ends the broker and starts it without anything that it held. */
  restartEmpty(): Promise<void>
}

/** Milliseconds in which everything must be back when the broker is. */
const RECOVERY = 2000

/** What the transport is told to wait for a sign of life. */
const KEEPALIVE = 1000

interface Case {
  readonly name: string
  readonly proxy: FaultProxy
  readonly victim: TestNode
  readonly scene: Scene
}

interface Fault {
  readonly name: string

  /** Breaks the line of one case, and mends it. */
  line?(each: Case): Promise<void>

  /** Breaks and mends the broker, for all. */
  broker?(): Promise<void>
}

/**
 * Every fault in the middle of everything that a node can do: what is told, what is subscribed afterwards, what runs twice,
 * and how long it takes. For transports that have a broker; apart from `testTransport`, since it wants one for itself.
 */
export function testFaults(options: FaultsOptions): void {
  const { broker, restartEmpty, subscriptions } = options
  const ways: readonly Fault[] = [
    { name: 'a reset', line: async ({ proxy }) => proxy.reset() },
    { name: 'an end', line: async ({ proxy }) => proxy.end() },
    {
      name: 'a silent line',
      line: async ({ proxy, victim }) => {
        const before = victim.statuses.length
        await proxy.halfOpen()
        // The proxy resets what it held; by then it must have been noticed.
        await eventually(() => expect(types(victim, before)).toContain('disconnected'), 4 * KEEPALIVE)
        await proxy.restore()
      },
    },
    {
      name: 'a broker that is killed and started',
      broker: async () => {
        await broker.kill()
        await quiet(300)
        await broker.start()
      },
    },
    { name: 'a broker that starts again and has forgotten everything', broker: restartEmpty },
  ]
  // Lines break side by side, brokers alone.
  const rounds = [ways.filter(({ line }) => line), ...ways.filter(way => way.broker).map(way => [way])]

  describe(`faults on ${options.name}`, () => {
    describe.each(rounds.map(faults => [faults.map(({ name }) => name).join(', '), faults] as const))(
      '%s',
      (_, faults) => {
        const bench = createNodeBench(options)
        const cases = faults.flatMap(fault =>
          roles(bench.supports).map(role => ({ fault, role, name: `${fault.name}: ${role.name}` })),
        )
        const outcomes = new Map<string, { readonly error: unknown } | undefined>()
        let counts: readonly unknown[] = []
        const open: Array<() => Promise<unknown>> = []

        const begin = async (fault: Fault, role: Role): Promise<Case> => {
          const proxy = await createFaultProxy(broker)
          open.push(proxy.close)
          const [victim, peer] = await Promise.all([
            bench.own({ url: throughProxy(broker, proxy), keepalive: KEEPALIVE }),
            bench.own({ keepalive: KEEPALIVE }),
          ])
          open.push(
            () => victim.close(),
            () => peer.close(),
          )
          return { name: `${fault.name}: ${role.name}`, proxy, victim, scene: await role.begin({ victim, peer }) }
        }

        const suffer = async (fault: Fault, each: Case) => {
          const before = each.victim.statuses.length
          await fault.line?.(each)
          await recovered(each, before)
        }

        const recovered = ({ victim }: Case, before: number) =>
          eventually(() => {
            const since = types(victim, before)
            expect(since).toContain('disconnected')
            expect(since.at(-1)).toBe('connected')
          }, RECOVERY)

        beforeAll(async () => {
          const begun = await Promise.all(
            cases.map(async ({ fault, role }) => [fault, await begin(fault, role)] as const),
          )
          counts = [await subscriptions()]
          const befores = begun.map(([, { victim }]) => victim.statuses.length)
          for (const fault of faults) await fault.broker?.()
          await Promise.all(
            begun.map(async ([fault, each], i) => {
              try {
                if (fault.broker !== undefined) await recovered(each, befores[i] ?? 0)
                else await suffer(fault, each)
                await each.scene.verify()
                await quiet(100)
                const { handled } = each.scene
                expect(handled).toHaveLength(new Set(handled).size)
                expect(types(each.victim, 0).join(' ')).toMatch(/^connected( disconnected( reconnecting)* connected)+$/)
                outcomes.set(each.name, undefined)
              } catch (error) {
                outcomes.set(each.name, { error })
              }
            }),
          )
          counts = [...counts, await subscriptions()]
        })

        afterAll(async () => {
          for (const close of open.reverse()) await close()
        })

        it.each(cases.map(({ name }) => [name]))('%s', name => {
          expect(outcomes.has(name)).toBe(true)
          const failure = outcomes.get(name)
          if (failure !== undefined) throw failure.error
        })

        it('leaves the broker with the subscriptions it had', () => {
          expect(counts[1]).toEqual(counts[0])
        })
      },
    )
  })
}

/** What was told of connecting. */
function types({ statuses }: TestNode, from: number): string[] {
  return statuses
    .slice(from)
    .map(({ type }) => type)
    .filter(type => /^(connected|disconnected|reconnecting)$/.test(type))
}
