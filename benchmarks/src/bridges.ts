// What a bridge costs: `node --expose-gc benchmarks/src/bridges.ts [latency] [throughput] [rpc] [memory] [mqtt] [redis] [amqp]`,
// from MQTT to these. Ratios count, not figures: all runs on one machine, and direct and bridged runs take turns.
import { bridge } from '@commlib/bridges'
import { type Node, rpc } from '@commlib/core'
import { type Broker, startMosquitto, startRabbit, startRedis } from '@commlib/testing'
import { measureHop } from './hop.ts'
import { Message, open, text } from './hop-node.ts'
import { median } from './statistics.ts'

const ROUNDS = 3

/** Median milliseconds from a publish to its receipt, one after the other. */
async function latency(from: string, to: string): Promise<number> {
  const [alice, bob] = await Promise.all([open(from), open(to)])
  const nodes: Node[] = [alice, bob]
  if (from !== to) {
    const ends = await Promise.all([open(from), open(to)])
    nodes.push(...ends)
    await bridge(ends[0], ends[1], Message)
  }
  let arrived = () => {}
  await bob.subscribe(Message, () => arrived())
  const { publish } = alice.publisher(Message)
  const times: number[] = []
  for (let n = 0; n < 3000; n++) {
    const receipt = new Promise<void>(resolve => (arrived = resolve))
    const began = performance.now()
    await publish({ n, text })
    await receipt
    if (n >= 500) times.push(performance.now() - began)
  }
  for (const node of nodes.reverse()) await node.close()
  return median(times)
}

async function call(urls: readonly string[]): Promise<number> {
  const Echo = rpc<{ n: number }, { n: number }>('bench.echo')
  const nodes: Node[] = []
  const opened = async (url: string) => {
    const node = await open(url)
    nodes.push(node)
    return node
  }
  const [first = '', ...others] = urls
  const last = others.at(-1) ?? first
  const service = await opened(last)
  await service.serve(Echo, ({ n }) => ({ n }))
  for (let i = others.length - 1; i >= 0; i--)
    await bridge(await opened(urls[i] as string), await opened(urls[i + 1] as string), Echo)
  const echo = (await opened(first)).client(Echo)
  const times: number[] = []
  for (let n = 0; n < 3000; n++) {
    const began = performance.now()
    await echo({ n })
    if (n >= 500) times.push(performance.now() - began)
  }
  for (const node of nodes.reverse()) await node.close()
  return median(times)
}

/** Megabytes of heap along a million messages. */
async function memoryOf(from: string, to: string, count: number): Promise<number[]> {
  const [alice, source, sink] = await Promise.all([open(from), open(from), open(to)])
  const made = await bridge(source, sink, Message, { reliable: true })
  const { publish } = alice.publisher(Message)
  const heap: number[] = []
  for (let n = 0; n < count; n += 250) {
    await Promise.all(Array.from({ length: 250 }, (_, i) => publish({ n: n + i, text }, { reliable: true })))
    if ((n + 250) % (count / 10) !== 0) continue
    while (made.counters.forwarded < n + 250) await new Promise(resolve => setTimeout(resolve, 5))
    globalThis.gc?.()
    heap.push(Math.round(process.memoryUsage().heapUsed / 1e5) / 10)
  }
  for (const node of [alice, source, sink]) await node.close()
  return heap
}

async function rounds(measure: () => Promise<number>): Promise<number> {
  const values: number[] = []
  for (let round = 0; round < ROUNDS; round++) values.push(await measure())
  return median(values)
}

const TESTS = ['latency', 'throughput', 'rpc', 'memory'] as const
const SINKS = ['mqtt', 'redis', 'amqp'] as const

async function main(words: readonly string[]): Promise<void> {
  const among = <Name extends string>(names: readonly Name[]) => {
    const named = names.filter(name => words.includes(name))
    return named.length === 0 ? names : named
  }
  const tests = among(TESTS)
  const sinks = among(SINKS)
  if (tests.includes('throughput')) {
    for (const reliable of [true, false])
      for (const sink of sinks)
        console.log(`${await measureHop('mqtt', sink, { reliable, rounds: 5, built: false })}\n`)
  }
  if (tests.some(test => test !== 'throughput')) await measureOthers(tests, sinks)
}

async function measureOthers(tests: readonly string[], sinks: readonly string[]): Promise<void> {
  const config = ['set_tcp_nodelay true', 'max_queued_messages 0', 'max_inflight_messages 1000']
  const brokers: Broker[] = []
  const started = async (starting: Promise<Broker>) => {
    const broker = await starting
    brokers.push(broker)
    return broker.url
  }
  const print = (...parts: unknown[]) => console.log(parts.join(' '))
  try {
    const mosquittos = await Promise.all([1, 2, 3].map(() => started(startMosquitto({ config }))))
    const [one = '', two = ''] = mosquittos
    const urlOf = { mqtt: async () => two, redis: () => started(startRedis()), amqp: () => started(startRabbit()) }
    for (const sink of tests.includes('latency') ? SINKS.filter(name => sinks.includes(name)) : []) {
      const to = await urlOf[sink]()
      const direct = (await rounds(() => latency(one, one))) + (await rounds(() => latency(to, to)))
      const bridged = await rounds(() => latency(one, to))
      const ratio = (bridged / direct).toFixed(2)
      print(`mqtt to ${sink}: latency ${bridged.toFixed(3)} ms, ${ratio} of one publish on each side`)
    }
    if (tests.includes('rpc')) {
      const direct = await rounds(() => call([one]))
      const bridged = await rounds(() => call(mosquittos))
      print(`a call through two bridges ${bridged.toFixed(3)} ms, ${(bridged / direct).toFixed(2)} of a direct one`)
    }
    if (tests.includes('memory')) {
      print('heap along 1,000,000 messages, MB:', (await memoryOf(one, two, 1_000_000)).join(' '))
    }
  } finally {
    for (const broker of brokers) await broker.close()
  }
}

await main(process.argv.slice(2))
