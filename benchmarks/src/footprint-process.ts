import { setTimeout as wait } from 'node:timers/promises'
import { reading } from './payload.ts'
import { peers } from './peers/index.ts'
import { rows } from './rows.ts'

/** A process that connects, calls, and says what that took. Its arguments name the peer, the row and the broker. */

const CALLS = 20_000
const BESIDE = 64

const [peer = '', id = '', url = ''] = process.argv.slice(2)
const row = rows.find(row => row.id === id)
const entry = peers[peer]
if (row === undefined || entry === undefined || row.transport === 'memory') throw new Error(`no such row: '${id}'`)

const bare = process.memoryUsage.rss()
const importing = performance.now()
const { serve, caller } = await entry.load(row.transport)
const imported = performance.now() - importing
await serve(url, () => {}, row)
const call = await caller(url, row)
await call(reading(0))
const answered = performance.now()
const idle = await settled()
let sent = 0
const lane = async () => {
  while (sent < CALLS) await call(reading(sent++))
}
await Promise.all(Array.from({ length: BESIDE }, lane))
const loaded = process.memoryUsage.rss()
process.send?.({ imported, answered, idle: idle - bare, loaded: loaded - bare })
process.exit()

async function settled(): Promise<number> {
  await wait(500)
  globalThis.gc?.()
  await wait(100)
  return process.memoryUsage.rss()
}
