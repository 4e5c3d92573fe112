import { createNode, GoalStatus, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Brew } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const client = await createNode({ name: 'guest', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })
const brew = client.client(Brew)

// Feedback by iterating, the result by awaiting.
const coffee = await brew({ cups: 3 })
for await (const { cup } of coffee) console.log(`guest: cup ${cup}`)
const { cups } = await coffee.result
console.log(`guest: ${cups} cups, thank you`)

// A goal that is canceled half way keeps what was done. `outcome` never rejects.
const more = await brew({ cups: 100 })
for await (const { cup } of more) if (cup === 2) await more.cancel()
const { status, result } = await more.outcome
if (status === GoalStatus.CANCELED) console.log(`guest: canceled, and ${result?.cups} cups are there`)

await client.close()
