// An app of a small device: publish/subscribe, RPC and an action that it serves, with all that reaches the broker.
import { createNode, rpc, servedAction, topic } from '@commlib/core/lean'
import { mqttLite } from '@commlib/mqtt-lite/lean'

const Sonar = topic('robot.sensors.{sensor}')
const Route = rpc('robot.route')
const Move = servedAction('robot.move')

const node = await createNode({ name: 'robot', transport: mqttLite('ws://localhost:9001') })
await node.subscribe(Sonar, ({ value }, { params }) => console.log(params.sensor, value))
await node.serve(Route, ({ x, y }) => ({ metres: Math.hypot(x, y) }))
const { metres } = await node.client(Route)({ x: 3, y: 4 })
await node.serve(Move, async function* () {
  for (let walked = 1; walked <= metres; walked++) yield { walked }
  return { seconds: metres }
})
await node.publisher(Sonar).publish({ value: metres }, { params: { sensor: 'odometer' } })
await node.close()
