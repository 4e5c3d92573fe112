import { startRedis, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { redis } from '../src/index.ts'

const broker = await startRedis({ persistence: true })
afterAll(() => broker.close())

for (const protocolVersion of [3, 2] as const) {
  testTransport({
    name: `redis with RESP${protocolVersion}`,
    create: ({ url = broker.url, keepalive } = {}) =>
      redis(url, { protocolVersion, ...(keepalive !== undefined && { keepalive: keepalive / 1000 }) }),
    broker,
    persistent: true,
  })
}
