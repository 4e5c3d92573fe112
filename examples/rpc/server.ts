import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Add, Divide } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const server = await createNode({
  name: 'calculator',
  transport: transportFor(COMMLIB_URL, [memory, mqtt]),
  onError: error => console.log(`calculator: ${error}`),
})

await server.serve(Add, ({ a, b }) => ({ sum: a + b }))

// What a handler throws reaches its caller, and onError here.
await server.serve(Divide, ({ a, b }) => {
  if (b === 0) throw new RangeError('cannot divide by zero')
  return { quotient: a / b }
})

console.log('calculator: serving math.add and math.divide')
void server.runForever() // until Ctrl-C
