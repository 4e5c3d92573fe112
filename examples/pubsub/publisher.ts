import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Temperature } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const node = await createNode({ name: 'thermometer', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })
const temperature = node.publisher(Temperature)

for (const celsius of [20.5, 20.8, 21.1, 21.5, 21.9]) {
  await temperature.publish({ celsius })
  await sleep(50)
}

await node.close()
