import { createNode, memory, rpc, topic } from '@commlib/core'
import { reading, Reading as Schema, type Value } from './payload.ts'
import { median } from './statistics.ts'

/** Microseconds that one of each takes. */
export interface MemoryRun {
  readonly json: number
  readonly message: number
  readonly rpc: number
}

/** Milliseconds. */
const SLICE = 15

const [runs, milliseconds] = process.argv.slice(2).map(Number) as [number, number]

const Call = rpc('bench.call', { request: Schema, response: Schema })
const Events = topic('bench.events', Schema)
const value = reading(1)
const server = await createNode({ transport: memory('bench') })
const client = await createNode({ transport: memory('bench') })
let received = (_: Value): void => {}
await server.subscribe(Events, message => received(message))
await server.serve(Call, request => request)
const publisher = client.publisher(Events)
const call = client.client(Call)

let parsed: unknown
const json = () => {
  parsed = JSON.parse(JSON.stringify(value))
}
const message = () =>
  new Promise<void>((resolve, reject) => {
    received = () => resolve()
    publisher.publish(value).catch(reject)
  })
const answered = () => call(value)

async function cost(run: () => unknown): Promise<number> {
  let count = 0
  const start = performance.now()
  for (; performance.now() - start < SLICE; count += 100) {
    for (let i = 0; i < 100; i++) {
      const pending = run()
      if (pending !== undefined) await pending
    }
  }
  return ((performance.now() - start) * 1000) / count
}

/** Takes many short turns, so that what else the machine does falls on all three alike. */
async function measure(duration: number): Promise<MemoryRun> {
  const costs: Record<keyof MemoryRun, number[]> = { json: [], message: [], rpc: [] }
  for (const end = performance.now() + duration; performance.now() < end; ) {
    costs.json.push(await cost(json))
    costs.message.push(await cost(message))
    costs.rpc.push(await cost(answered))
  }
  return { json: median(costs.json), message: median(costs.message), rpc: median(costs.rpc) }
}

await measure(milliseconds)
for (let i = 0; i < runs; i++) process.send?.(await measure(milliseconds))
if ((parsed as Value).id !== value.id) throw new Error('JSON has lost the value')
await client.close()
await server.close()
process.disconnect()
