import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Doorbell, LightsOn } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

export const listener = await createNode({ name: 'lamp', transport: transportFor(COMMLIB_URL, [memory, mqtt]) })

await listener.subscribe(LightsOn, ({ level }, { event }) => {
  console.log(`lamp: ${event.name} (${event.description}): ${level * 100} %`)
})
await listener.subscribe(Doorbell, ({ rings }, { event }) =>
  console.log(`lamp: blinks ${rings} times for ${event.uri}`),
)

console.log('lamp: listening')
void listener.runForever() // until Ctrl-C
