import { createNode, rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { Reading } from '../payload.ts'
import { namesOf, type Peer } from './peer.ts'

const { call: callName, events } = namesOf('commlib')
const Call = rpc(callName, { request: Reading, response: Reading })
const Events = topic(events, Reading)
const Confirmed = topic(events, Reading, { reliable: true })

/** `@commlib/mqtt` with its defaults: MQTT 5, heartbeats, and TypeBox schemas checked at both ends. */
export const commlibMqtt: Peer = {
  name: 'commlib',
  semantics: {
    rpc: 'QoS 0; deadline, cancellation, remote errors; validated at both ends',
    events: 'QoS 0; validated at both ends',
    confirmed:
      'QoS 1, PUBACK awaited, to a QoS 0 subscriber; 20 unconfirmed, as the broker asks; validated at both ends',
  },

  serve: async (url, onReading) => {
    const node = await createNode({ transport: mqtt(url) })
    await node.serve(Call, value => {
      onReading(value)
      return value
    })
  },

  caller: async url => {
    const node = await createNode({ transport: mqtt(url) })
    const call = node.client(Call)
    return value => call(value)
  },

  subscribe: async (url, onReading) => {
    const node = await createNode({ transport: mqtt(url) })
    await node.subscribe(Events, onReading)
  },

  publisher: async (url, { confirmed }) => {
    const node = await createNode({ transport: mqtt(url) })
    const publisher = node.publisher(confirmed ? Confirmed : Events)
    return value => publisher.publish(value)
  },
}
