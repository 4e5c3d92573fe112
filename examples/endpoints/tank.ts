import { createEventEmitter, createPublisher, createRpcService, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Fill, Full, Level } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

// Without a node the connection is yours: you open it, and you close it. No name, no heartbeat.
export const tank = transportFor(COMMLIB_URL, [memory, mqtt])
await tank.connect()

const level = createPublisher(tank, Level)
const full = createEventEmitter(tank, Full)
let litres = 0

await createRpcService(tank, Fill, async request => {
  litres = Math.min(100, litres + request.litres)
  await level.publish({ litres })
  if (litres === 100) await full.emit({ litres })
  return { litres }
})

console.log('tank: serving tank.fill')
process.once('SIGINT', () => void tank.close())
