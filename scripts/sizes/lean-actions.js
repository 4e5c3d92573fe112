// An app with an action, without validation.
import { action, createNode } from '@commlib/core/lean'
import { mqtt } from '@commlib/mqtt'

const Move = action('robot.move')

const node = await createNode({ name: 'robot', transport: mqtt('mqtt://localhost') })
await node.serve(Move, async function* ({ metres }) {
  for (let walked = 1; walked <= metres; walked++) yield { walked }
  return { seconds: metres }
})
const goal = await node.client(Move)({ metres: 3 })
for await (const { walked } of goal) console.log(walked)
console.log(await goal.result)
await node.close()
