import { startRedis, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { redis } from '../src/index.ts'

/** The compliance suite in one version of the protocol: a file each, which run side by side. */
export async function testRedis(protocolVersion: 2 | 3): Promise<void> {
  // What is written is kept through an orderly end; an fsync a message would make crowds of calls take minutes.
  const broker = await startRedis({ config: ['appendonly yes', 'appendfsync everysec'] })
  afterAll(() => broker.close())
  testTransport({
    name: `redis with RESP${protocolVersion}`,
    create: ({ url = broker.url, keepalive } = {}) =>
      redis(url, { protocolVersion, ...(keepalive !== undefined && { keepalive: keepalive / 1000 }) }),
    broker,
    persistent: true,
  })
}
