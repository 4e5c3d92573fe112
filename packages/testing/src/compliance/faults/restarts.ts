import { expect, it } from 'vitest'
import { bytes, createBench, eventually, type Link, numbers, quiet, text, unique } from '../bench.ts'
import type { PersistentOptions } from './persistence.ts'

/** Milliseconds in which everything that was published must have arrived. */
const DELIVERY = 10_000

/** Publishes that wait for their confirmation. */
const OUTSTANDING = 200

export function testRestarts({
  messages = 20_000,
  restarts = 10,
  synced = false,
  report,
  ...options
}: PersistentOptions): void {
  const { broker } = options
  const bench = createBench(options)

  it.each(['stop', 'kill'] as const)(
    `of the broker (%s), ${restarts} of them, while reliable messages are published`,
    async how => {
      const subscriber = await bench.link()
      const publisher = await bench.link()
      const [name, durable] = [unique(), unique()]
      const got = new Map<string, number>()
      await subscriber.transport.subscribe(
        name,
        async (_, frame) => {
          const n = text(frame)
          got.set(n, (got.get(n) ?? 0) + 1)
        },
        { durable },
      )
      // RabbitMQ writes down only then that there is a new quorum queue.
      await quiet(1000)
      const confirmed: string[] = []
      const failed: unknown[] = []
      let next = 0
      const publish = async (until: number) => {
        while (next < until) {
          const n = String(next++)
          await publisher.transport.publish(name, { body: bytes(n) }, { reliable: true }).then(
            () => confirmed.push(n),
            error => failed.push(error),
          )
        }
      }
      const part = messages / (restarts + 1)
      for (let i = 0; i <= restarts; i++) {
        const publishing = Promise.all(numbers(OUTSTANDING).map(() => publish((i + 1) * part)))
        if (i < restarts) {
          await eventually(() => expect(confirmed.length).toBeGreaterThan((i + 0.3) * part), DELIVERY)
          await broker[how]()
          // Long enough to be seen: what is back at once looks like somebody who takes the connection over.
          await quiet(150)
          await broker.start()
          const connections = ({ statuses }: Link) => statuses.filter(({ type }) => type === 'connected')
          await eventually(() => expect(connections(subscriber)).toHaveLength(i + 2), DELIVERY)
        }
        await publishing
      }
      expect(failed).toEqual([])
      expect(confirmed).toHaveLength(messages)
      // It comes after all others.
      await publisher.transport.publish(name, { body: bytes('last') }, { reliable: true })
      await eventually(() => expect(got.has('last')).toBe(true), DELIVERY)
      const lost = () => confirmed.filter(n => !got.has(n)).length
      if (how === 'stop' || synced) await eventually(() => expect(lost()).toBe(0), DELIVERY)
      const doubled = [...got.values()].reduce((sum, times) => sum + times - 1, 0)
      const verb = how === 'stop' ? 'stopped' : 'killed'
      report?.(
        `${options.name}, broker ${verb} ${restarts} times in ${messages} messages: ${lost()} lost, ${doubled} doubled`,
      )
      for (const { statuses } of [publisher, subscriber]) {
        const { length } = statuses.filter(({ type }) => type === 'disconnected')
        expect(length).toBeGreaterThanOrEqual(restarts)
        // RabbitMQ may fail once more while it recovers its queues (541 INTERNAL_ERROR).
        expect(length).toBeLessThanOrEqual(how === 'stop' ? restarts : restarts + 2)
        expect(statuses.at(-1)).toEqual({ type: 'connected' })
      }
    },
    // Some brokers take ten seconds to start.
    restarts * 30_000,
  )
}
