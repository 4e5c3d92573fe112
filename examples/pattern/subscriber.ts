import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { AnyTemperature, Anything, RoomReading } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const subscriber = await createNode({ name: 'panel', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await subscriber.subscribe(RoomReading, ({ value }, { params: { room, quantity } }) => {
  console.log(`panel: ${quantity} in the ${room}: ${value}`)
})
await subscriber.subscribe(AnyTemperature, ({ value }, { topic }) => {
  console.log(`panel: some temperature, on ${topic}: ${value}`)
})
await subscriber.subscribe(Anything, (_, { params }) => {
  console.log(`panel: something at ${params.path}`)
})

console.log('panel: listening')
void subscriber.runForever() // until Ctrl-C
