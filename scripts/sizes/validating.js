// The same with schemas that are checked.
import { createNode, rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Type } from 'typebox'

const Temperature = topic('sensors.kitchen.temperature', Type.Object({ celsius: Type.Number() }))
const Add = rpc('math.add', {
  request: Type.Object({ a: Type.Integer(), b: Type.Integer() }),
  response: Type.Object({ sum: Type.Integer() }),
})

const node = await createNode({ name: 'kitchen', transport: mqtt('mqtt://localhost') })
await node.subscribe(Temperature, ({ celsius }) => console.log(celsius))
await node.publisher(Temperature).publish({ celsius: 21.5 })
await node.serve(Add, ({ a, b }) => ({ sum: a + b }))
console.log(await node.client(Add)({ a: 1, b: 2 }))
await node.close()
