import { createNode } from '@commlib/core'
import { Echo } from './contracts.ts'
import { chosenTransport } from './transport.ts'

const transport = chosenTransport()
export const server = await createNode({ name: 'wall', transport })
await server.serve(Echo, ({ text }) => ({ text: `${text} ${text}` }))

console.log(`wall: serving echo on ${transport.name}`)
void server.runForever() // until Ctrl-C
