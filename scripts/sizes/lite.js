// An app of a browser page or a small device: publish/subscribe, RPC and an action, with all that reaches the broker.
import { createNode, remoteAction, rpc, topic } from '@commlib/core/lean'
import { mqttLite } from '@commlib/mqtt-lite/lean'

const Sonar = topic('robot.sensors.{sensor}')
const Route = rpc('robot.route')
const Move = remoteAction('robot.move')

const node = await createNode({ name: 'dashboard', transport: mqttLite('ws://localhost:9001') })
await node.subscribe(Sonar, ({ value }, { params }) => console.log(params.sensor, value))
await node.serve(Route, ({ x, y }) => ({ metres: Math.hypot(x, y) }))
const { metres } = await node.client(Route)({ x: 3, y: 4 })
const goal = await node.client(Move)({ metres })
for await (const { walked } of goal)
  await node.publisher(Sonar).publish({ value: walked }, { params: { sensor: 'odometer' } })
console.log(await goal.result)
await node.close()
