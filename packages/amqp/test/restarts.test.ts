import { startRabbit, testPersistence } from '@commlib/testing'
import { afterAll } from 'vitest'
import { amqp } from '../src/index.ts'

const broker = await startRabbit({ own: true })
afterAll(() => broker.close())

testPersistence({
  name: 'amqp',
  create: ({ url = broker.url } = {}) => amqp(url),
  broker,
  report: line => console.info(line),
})
