// A plant whose uplink drops: nothing that its meters say is lost.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, memory, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { startMosquitto } from '@commlib/testing'
import { Reading } from './contracts.ts'
import { startEdge } from './edge.ts'
import { openUplink } from './uplink.ts'

const broker = await startMosquitto()
const uplink = await openUplink(broker.url)
const folder = await mkdtemp(join(tmpdir(), 'commlib-edge-'))

const cloud = await createNode({ name: 'cloud', transport: mqtt(broker.url), heartbeat: false })
const got: number[] = []
await cloud.subscribe(topic<{ count: number }>('plant1.meters.*'), ({ count }) => got.push(count), { reliable: true })

let edge = await startEdge(uplink.url, join(folder, 'spool'))
const meter = await createNode({ name: 'meter', transport: memory('plant'), heartbeat: false })
const { publish } = meter.publisher(Reading)
let count = 0
async function readSome(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await publish({ count: ++count }, { params: { meter: 'water' } })
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

await readSome(3)
// The cloud may have a reading before its broker has confirmed it: what is unconfirmed would be sent again.
await until(() => got.length === 3 && edge.meters.counters.forwarded === 3)
console.log('cloud: has 3 readings')

uplink.cut()
await until(() => edge.cloud.status?.type !== 'connected')
await readSome(1000)
await until(() => edge.meters.counters.spooled === 1000)
console.log('edge: 1000 readings are on disk')

await edge.close()
edge = await startEdge(uplink.url, join(folder, 'spool'))
console.log(`edge: started again, with ${edge.meters.counters.spooled} readings`)

uplink.mend()
await until(() => got.length >= 1003)
await readSome(1)
await until(() => got.length >= 1004)
const inOrder = got.every((each, i) => each === i + 1)
console.log(`cloud: has ${got.length} readings, ${inOrder ? 'all in order' : 'in disorder'}`)

await Promise.all([edge.close(), meter.close(), cloud.close()])
uplink.close()
await broker.close()
await rm(folder, { recursive: true })
