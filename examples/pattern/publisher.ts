import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { RoomReading } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const node = await createNode({ name: 'gateway', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

// One publisher for many topics: each message says which.
const readings = node.publisher(RoomReading)
await readings.publish({ value: 21.5 }, { params: { room: 'kitchen', quantity: 'temperature' } })
await readings.publish({ value: 48 }, { params: { room: 'bath', quantity: 'humidity' } })
await readings.publish({ value: 18.2 }, { topic: 'house.cellar.temperature' })

// A topic that the pattern does not match is refused.
await readings.publish({ value: 3 }, { topic: 'garden.temperature' }).catch(error => {
  console.log(`gateway: ${error.code}: ${error.message}`)
})

await node.close()
