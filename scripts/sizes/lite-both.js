// The same with an action that it serves and sends goals to.
import { action, createNode, rpc, topic } from '@commlib/core/lean'
import { mqttLite } from '@commlib/mqtt-lite/lean'

const Sonar = topic('robot.sensors.{sensor}')
const Route = rpc('robot.route')
const Move = action('robot.move')

const node = await createNode({ name: 'robot', transport: mqttLite('ws://localhost:9001') })
await node.subscribe(Sonar, ({ value }, { params }) => console.log(params.sensor, value))
await node.serve(Route, ({ x, y }) => ({ metres: Math.hypot(x, y) }))
const { metres } = await node.client(Route)({ x: 3, y: 4 })
await node.serve(Move, async function* () {
  for (let walked = 1; walked <= metres; walked++) yield { walked }
  return { seconds: metres }
})
const goal = await node.client(Move)({ metres })
for await (const { walked } of goal)
  await node.publisher(Sonar).publish({ value: walked }, { params: { sensor: 'odometer' } })
await node.close()
