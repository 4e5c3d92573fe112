// Messages as they are asked for, by an async iterator.
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Temperature } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const node = await createNode({ name: 'alarm', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })
// What arrives while the loop is busy waits: up to `maxBuffered` messages, then the oldest is dropped and counted.
const temperatures = await node.subscribe(Temperature, { maxBuffered: 10 })
console.log('alarm: waiting for 21 °C')

for await (const { celsius } of temperatures) {
  if (celsius < 21) continue
  console.log(`alarm: ${celsius} °C reached`)
  break // leaving the loop unsubscribes
}

await node.close()
