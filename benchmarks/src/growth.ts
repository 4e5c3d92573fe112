import { once } from 'node:events'
import { startBroker } from './brokers.ts'
import { table } from './table.ts'
import { forkModule } from './worker-process.ts'

const SIZES = [10, 1000, 100_000]
const KINDS = {
  subscriptions: 'subscriptions',
  patterns: 'patterns',
  topics: 'topics under one pattern',
  calls: 'pending calls',
} as const
const TRANSPORTS = { memory: 'memory', mqtt: 'MQTT', redis: 'Redis', amqp: 'AMQP' } as const

/** What a message costs where there is much else. */
export async function measureGrowth({ built }: { readonly built: boolean }): Promise<string> {
  const lines: string[][] = []
  for (const transport of Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[]) {
    for (const [kind, title] of Object.entries(KINDS)) {
      // Redis compares each message, and each new pattern, with all that there are: it takes minutes.
      if (transport === 'redis' && kind === 'patterns') continue
      // Its own, since RabbitMQ is busy for a minute with forgetting 100,000 bindings.
      const broker = transport === 'memory' ? undefined : await startBroker(transport, 'untouched')
      const url = broker?.url ?? 'memory://growth'
      try {
        const costs: number[] = []
        for (const size of SIZES) costs.push(await measureIn({ built, args: [kind, String(size), url] }))
        const [least = Number.NaN] = costs
        lines.push([
          `${TRANSPORTS[transport]}: ${title}`,
          ...costs.map(cost => cost.toPrecision(3)),
          `${((costs.at(-1) ?? Number.NaN) / least).toFixed(2)} ×`,
        ])
        console.log(lines.at(-1)?.join(' | '))
      } finally {
        await broker?.stop()
      }
    }
  }
  const head = [
    'µs of processor time a message or call, with',
    ...SIZES.map(size => size.toLocaleString('en-US')),
    'grows',
  ]
  return table(head, lines)
}

async function measureIn(options: { readonly built: boolean; readonly args: readonly string[] }): Promise<number> {
  const child = forkModule('./growth-process.ts', options)
  let cost = Number.NaN
  child.on('message', (measured: number) => {
    cost = measured
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 300_000)
  await once(child, 'exit')
  clearTimeout(timer)
  return cost
}
