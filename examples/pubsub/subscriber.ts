// Messages as they come, by a handler.
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Temperature } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const subscriber = await createNode({ name: 'display', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await subscriber.subscribe(Temperature, ({ celsius }, { topic }) => {
  console.log(`display: ${topic} is ${celsius} °C`)
})

console.log('display: listening')
void subscriber.runForever() // until Ctrl-C
