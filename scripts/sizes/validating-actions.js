// An app with an action whose messages are checked.
import { action, createNode } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Type } from 'typebox'

const Move = action('robot.move', {
  goal: Type.Object({ metres: Type.Integer() }),
  feedback: Type.Object({ walked: Type.Integer() }),
  result: Type.Object({ seconds: Type.Integer() }),
})

const node = await createNode({ name: 'robot', transport: mqtt('mqtt://localhost') })
await node.serve(Move, async function* ({ metres }) {
  for (let walked = 1; walked <= metres; walked++) yield { walked }
  return { seconds: metres }
})
const goal = await node.client(Move)({ metres: 3 })
for await (const { walked } of goal) console.log(walked)
console.log(await goal.result)
await node.close()
