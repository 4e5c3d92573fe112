import { startMosquitto, testPersistence } from '@commlib/testing'
import { afterAll } from 'vitest'
import { mqtt } from '../src/index.ts'

const broker = await startMosquitto({ persistence: true, config: ['max_queued_messages 0', 'autosave_interval 1'] })
afterAll(() => broker.close())

for (const [name, protocolVersion] of [
  ['mqtt 5', 5],
  ['mqtt 3.1.1', 4],
] as const) {
  testPersistence({
    name,
    create: ({ url = broker.url } = {}) => mqtt(url, { protocolVersion }),
    broker,
    report: line => console.info(line),
  })
}
