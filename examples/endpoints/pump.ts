import { createRpcClient, createSubscriber, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Fill, Full, Level } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

const pump = transportFor(COMMLIB_URL, [memory, mqtt])
await pump.connect()

await createSubscriber(pump, Level, ({ litres }) => console.log(`pump: the tank holds ${litres} l`))
const full = await createSubscriber(pump, Full)

const fill = createRpcClient(pump, Fill)
while ((await fill({ litres: 40 })).litres < 100);

// Without a handler a subscriber is an async iterator.
for await (const { litres } of full) {
  console.log(`pump: stops, the tank is full with ${litres} l`)
  break
}

await pump.close()
