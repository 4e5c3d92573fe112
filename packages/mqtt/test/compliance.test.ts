import { startMosquitto, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { mqtt } from '../src/index.ts'

const broker = await startMosquitto({ persistence: true })
afterAll(() => broker.close())

for (const protocolVersion of [5, 4] as const) {
  testTransport({
    name: protocolVersion === 5 ? 'mqtt 5' : 'mqtt 3.1.1',
    create: ({ url = broker.url, keepalive } = {}) =>
      mqtt(url, {
        protocolVersion,
        ...(keepalive !== undefined && { keepalive: Math.max(1, Math.ceil(keepalive / 1000)) }),
      }),
    broker,
    persistent: true,
  })
}
