import { startRabbit, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { amqp } from '../src/index.ts'

const broker = await startRabbit({ own: true })
afterAll(() => broker.close())

testTransport({
  name: 'amqp',
  create: ({ url = broker.url, keepalive } = {}) =>
    amqp(url, { ...(keepalive !== undefined && { heartbeat: Math.max(1, Math.ceil(keepalive / 1000)) }) }),
  broker,
  persistent: true,
})
