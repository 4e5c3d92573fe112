import { startMosquitto, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { mqttLite } from '../src/index.ts'

const broker = await startMosquitto({ persistence: true, websockets: true })
afterAll(() => broker.close())

for (const protocolVersion of [5, 4] as const) {
  testTransport({
    name: protocolVersion === 5 ? 'mqtt-lite 5' : 'mqtt-lite 3.1.1',
    create: ({ url = broker.url, keepalive } = {}) =>
      mqttLite(url, {
        protocolVersion,
        ...(keepalive !== undefined && { keepalive: Math.max(1, Math.ceil(keepalive / 1000)) }),
      }),
    broker,
    persistent: true,
  })
}
