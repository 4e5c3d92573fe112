import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Position, Rename } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const server = await createNode({
  name: 'robot',
  transport: transportFor(COMMLIB_URL, [memory, mqtt]),
  // Where a message that does not fit ends up: it never reaches a handler.
  onError: error => console.log(`robot: ${error}`),
})

await server.subscribe(Position, ({ x, y, frame }) => console.log(`robot: at (${x}, ${y}) of the ${frame}`))
await server.serve(Rename, ({ name }) => ({ greeting: `I am ${name}` }))

console.log('robot: ready')
void server.runForever() // until Ctrl-C
