import { startRedis, testPersistence } from '@commlib/testing'
import { afterAll } from 'vitest'
import { redis } from '../src/index.ts'

const broker = await startRedis({ persistence: true })
afterAll(() => broker.close())

testPersistence({
  name: 'redis',
  create: ({ url = broker.url } = {}) => redis(url),
  broker,
  synced: true,
  report: line => console.info(line),
})
