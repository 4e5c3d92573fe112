import { createNode, memory, RemoteError, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Add, Divide } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const client = await createNode({ name: 'pupil', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })
const add = client.client(Add)
const divide = client.client(Divide)

const { sum } = await add({ a: 1, b: 2 })
console.log(`pupil: 1 + 2 = ${sum}`)

// Any number of calls may be under way at the same time.
const sums = await Promise.all([1, 2, 3].map(a => add({ a })))
console.log(`pupil: one more is ${sums.map(({ sum }) => sum).join(', ')}`)

try {
  await divide({ a: 1, b: 0 }, { timeout: 1000 })
} catch (error) {
  if (!(error instanceof RemoteError)) throw error
  console.log(`pupil: the calculator says ${error.remote.name}: ${error.message}`)
}

await client.close()
