import { startMosquitto, testPersistence } from '@commlib/testing'
import { afterAll } from 'vitest'
import { mqtt } from '../src/index.ts'

const broker = await startMosquitto({ persistence: true, config: ['max_queued_messages 0', 'autosave_interval 1'] })
afterAll(() => broker.close())

testPersistence({
  name: 'mqtt 5',
  create: ({ url = broker.url } = {}) => mqtt(url, { protocolVersion: 5 }),
  broker,
  report: line => console.info(line),
})
