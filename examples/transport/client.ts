import { createNode } from '@commlib/core'
import { Echo } from './contracts.ts'
import { chosenTransport } from './transport.ts'

const transport = chosenTransport()
const client = await createNode({ name: 'shouter', transport })

const { text } = await client.client(Echo)({ text: 'hello' })
console.log(`shouter: hears '${text}' over ${transport.name}`)

// What a broker can and cannot do is known before it is asked for.
const { durable, groups, noService } = transport.supports
console.log(`shouter: durable subscriptions: ${durable}, groups: ${groups}, tells that nobody serves: ${noService}`)

await client.close()
