import { startMosquitto, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { mqttLite } from '../src/index.ts'

const broker = await startMosquitto({ websockets: true })
afterAll(() => broker.close())

// What goes wrong on the way is tested over TCP, where a proxy can do it.
testTransport({
  name: 'mqtt-lite over WebSocket',
  create: ({ url = broker.wsUrl as string } = {}) => mqttLite(url),
  // mosquitto 2.0 sends 40 kB a second to a WebSocket.
  slow: true,
})
