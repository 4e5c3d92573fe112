// What an app writes that publishes, subscribes, serves and calls, without validation.
import { createNode, rpc, topic } from '@commlib/core/lean'
import { mqtt } from '@commlib/mqtt'

const Temperature = topic('sensors.kitchen.temperature')
const Add = rpc('math.add')

const node = await createNode({ name: 'kitchen', transport: mqtt('mqtt://localhost') })
await node.subscribe(Temperature, ({ celsius }) => console.log(celsius))
await node.publisher(Temperature).publish({ celsius: 21.5 })
await node.serve(Add, ({ a, b }) => ({ sum: a + b }))
console.log(await node.client(Add)({ a: 1, b: 2 }))
await node.close()
