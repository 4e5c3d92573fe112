import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createNode, rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { startBroker } from './brokers.ts'
import { grown, measureProcess, type Sample, table } from './soak-samples.ts'

/**
 * Runs for long at a steady rate, while endpoints and connections come and go, and looks for what is left behind:
 * sockets, timers, listeners, memory. Exits with 1 if something grows or a call fails.
 */

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '2000' },
    calls: { type: 'string', default: '200' },
  },
})
const [minutes, rate, callRate] = [values.minutes, values.rate, values.calls].map(text => {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`'${text}' must be a number above 0: --minutes, --rate and --calls a second`)
  return value
}) as [number, number, number]

interface Value {
  readonly n: number
}

/** Milliseconds between two bursts. */
const TICK = 10

const broker = await startBroker('mqtt', 'untouched')
const errors: string[] = []
const open = () =>
  createNode({
    transport: mqtt(broker.url),
    heartbeat: { interval: 1000 },
    onError: error => errors.push(String(error)),
  })
const [from, to] = [await open(), await open()]
const Values = topic<Value>('soak.values')
const Echo = rpc<Value, Value>('soak.echo')
let received = 0
await to.subscribe(Values, () => void received++)
await to.serve(Echo, value => value)
const publisher = from.publisher(Values)
const echo = from.client(Echo)

let sent = 0
let called = 0
let answered = 0

/** What robots that come and go do to a node and to the broker. */
async function churn(turn: number): Promise<void> {
  const guest = await createNode({ transport: mqtt(broker.url), heartbeat: false })
  const Passing = topic<Value>(`soak.passing.${turn}`)
  const Brief = rpc<Value, Value>(`soak.brief.${turn}`)
  const heard = await to.subscribe(Passing, () => {})
  const serving = await to.serve(Brief, value => value)
  await guest.publisher(Passing).publish({ n: turn }, { reliable: true })
  await guest.client(Brief)({ n: turn })
  await heard.close()
  await serving.close()
  await guest.close()
}

const start = performance.now()
const end = start + minutes * 60_000
const interval = Math.max(1000, Math.min(30_000, (minutes * 60_000) / 30))
const samples: Sample[] = []
let churned = 0
let churning: Promise<void> | undefined
let nextSample = start + interval
console.log(table.head)
for (let now = start; now < end; now = performance.now()) {
  const elapsed = (now - start) / 1000
  for (; sent < elapsed * rate; sent++) void publisher.publish({ n: sent })
  for (; called < elapsed * callRate; called++) {
    echo({ n: called }).then(
      () => answered++,
      error => errors.push(String(error)),
    )
  }
  if (churning === undefined && churned < elapsed) {
    churning = churn(churned++)
      .catch(error => void errors.push(`churn: ${error}`))
      .finally(() => {
        churning = undefined
      })
  }
  if (now >= nextSample) {
    nextSample += interval
    // Guests would be counted.
    await churning
    const sample = await measureProcess(elapsed)
    samples.push(sample)
    console.log(table.row(sample, { sent, lost: sent - received, called, answered, errors: errors.length }))
  }
  await wait(TICK)
}
await wait(500)
await churning
await from.close()
await to.close()
await broker.stop()

const faults = grown(samples)
if (answered < called) faults.push(`${called - answered} of ${called} calls were not answered`)
if (errors.length > 0) faults.push(`${errors.length} errors, the first: ${errors[0]}`)
console.log(`\n${sent} messages sent, ${sent - received} lost; ${called} calls, ${churned} guests that came and went`)
const left = process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap' || name === 'Timeout')
if (left.length > 0) faults.push(`left open at the end: ${left.join(', ')}`)
for (const fault of faults) console.log(`grows or fails: ${fault}`)
if (faults.length === 0) console.log('nothing is left behind')
process.exitCode = faults.length === 0 ? 0 : 1
