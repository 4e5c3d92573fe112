// What a bridge costs: `node --expose-gc benchmarks/src/bridges.ts [latency] [throughput] [rpc] [memory]`. Ratios count, not
// figures: all runs on one machine, and direct and bridged runs take turns.
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { amqp } from '@commlib/amqp'
import { bridge } from '@commlib/bridges'
import { createNode, type Node, rpc, type Transport, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { type Broker, startMosquitto, startRabbit, startRedis } from '@commlib/testing'
import { median } from './statistics.ts'

const factories: Readonly<Record<string, (url: string) => Transport>> = { mqtt, redis, amqp }
const ROUNDS = 3

const Message = topic<{ n: number; text: string }>('bench.message')
const text = 'x'.repeat(40)

function open(url: string): Promise<Node> {
  const make = factories[new URL(url).protocol.slice(0, -1)]
  if (make === undefined) throw new Error(`no transport for ${url}`)
  return createNode({ transport: make(url), heartbeat: false, onStatus: () => {} })
}

interface Task {
  readonly role: 'bridge' | 'subscriber'
  readonly from: string
  readonly to: string
  readonly reliable: boolean
  readonly count: number
}

if (isMainThread) await main(process.argv.slice(2))
else await work(workerData as Task)

async function work({ role, from, to, reliable, count }: Task): Promise<void> {
  const source = await open(from)
  if (role === 'bridge') {
    const sink = await open(to)
    const made = await bridge(source, sink, Message, { reliable, maxInFlight: reliable ? 1000 : 1e6 })
    parentPort?.postMessage('ready')
    await once(parentPort as NonNullable<typeof parentPort>, 'message')
    await made.close()
    await sink.close()
  } else {
    let got = 0
    let done = () => {}
    const all = new Promise<void>(resolve => (done = resolve))
    await source.subscribe(Message, () => void (++got === count && done()), { reliable, maxBuffered: 1e6 })
    parentPort?.postMessage('ready')
    await all
    parentPort?.postMessage('all')
  }
  await source.close()
}

async function start(task: Task): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task })
  await once(worker, 'message')
  return worker
}

/** Messages a second from the first publish to the last receipt. */
async function throughput(from: string, to: string, reliable: boolean, count: number): Promise<number> {
  const bridged = from !== to
  const subscriber = await start({ role: 'subscriber', from: to, to, reliable, count })
  const between = bridged ? await start({ role: 'bridge', from, to, reliable, count }) : undefined
  const node = await open(from)
  const { publish } = node.publisher(Message)
  const all = once(subscriber, 'message')
  const began = performance.now()
  const window = 256
  for (let n = 0; n < count; n += window) {
    const size = Math.min(window, count - n)
    await Promise.all(Array.from({ length: size }, (_, i) => publish({ n: n + i, text }, { reliable })))
    // A best-effort flood would measure what is dropped.
    if (!reliable) await new Promise(resolve => setImmediate(resolve))
  }
  await all
  const rate = (count / (performance.now() - began)) * 1000
  between?.postMessage('end')
  await Promise.all([subscriber, ...(between ? [between] : [])].map(worker => once(worker, 'exit')))
  await node.close()
  return rate
}

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

async function main(wanted: readonly string[]): Promise<void> {
  const asked = (what: string) => wanted.length === 0 || wanted.includes(what)
  const config = ['set_tcp_nodelay true', 'max_queued_messages 0', 'max_inflight_messages 1000']
  const brokers: Broker[] = []
  const started = async (starting: Promise<Broker>) => {
    const broker = await starting
    brokers.push(broker)
    return broker.url
  }
  const mosquittos = await Promise.all([1, 2, 3].map(() => started(startMosquitto({ config }))))
  const [one = '', two = ''] = mosquittos
  const others =
    asked('latency') || asked('throughput') ? [await started(startRedis()), await started(startRabbit())] : []
  const print = (...parts: unknown[]) => console.log(parts.join(' '))
  const name = (url: string) => new URL(url).protocol.slice(0, -1)
  try {
    for (const to of [two, ...others]) {
      const title = `mqtt to ${name(to)}`
      if (asked('latency')) {
        const direct = (await rounds(() => latency(one, one))) + (await rounds(() => latency(to, to)))
        const bridged = await rounds(() => latency(one, to))
        print(title, `latency ${bridged.toFixed(3)} ms, ${(bridged / direct).toFixed(2)} of one publish on each side`)
      }
      for (const reliable of asked('throughput') ? [false, true] : []) {
        const count = reliable ? 20_000 : 50_000
        const own = Math.min(
          await rounds(() => throughput(one, one, reliable, count)),
          await rounds(() => throughput(to, to, reliable, count)),
        )
        const bridged = await rounds(() => throughput(one, to, reliable, count))
        const ratio = (bridged / own).toFixed(2)
        print(
          title,
          reliable ? 'reliable' : 'best-effort',
          `${Math.round(bridged)}/s, ${ratio} of the slower one's own`,
        )
      }
    }
    if (asked('rpc')) {
      const direct = await rounds(() => call([one]))
      const bridged = await rounds(() => call(mosquittos))
      print(`a call through two bridges ${bridged.toFixed(3)} ms, ${(bridged / direct).toFixed(2)} of a direct one`)
    }
    if (asked('memory')) print('heap along 1,000,000 messages, MB:', (await memoryOf(one, two, 1_000_000)).join(' '))
  } finally {
    for (const broker of brokers) await broker.close()
  }
}
