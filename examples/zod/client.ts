import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Position, Rename } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const node = await createNode({ name: 'operator', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await node.publisher(Position).publish({ x: 1, y: 2 })

const rename = node.client(Rename)
const { greeting } = await rename({ name: '  Marvin ' })
console.log(`operator: ${greeting}`)

await rename({ name: '' }).catch(error => console.log(`operator: ${error.code}: ${error.message}`))

await node.close()
