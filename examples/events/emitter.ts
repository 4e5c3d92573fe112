import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Doorbell, LightsOn } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const node = await createNode({ name: 'switch', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await node.emit(LightsOn, { level: 0.8 })
await node.emit(Doorbell, { rings: 2 })

// A payload that does not fit is refused here, before it reaches anybody.
await node.emit(LightsOn, { level: 11 }).catch(error => console.log(`switch: ${error.code}: ${error.message}`))

await node.close()
