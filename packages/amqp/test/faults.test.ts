import { startRabbit, testFaults } from '@commlib/testing'
import { afterAll } from 'vitest'
import { amqp } from '../src/index.ts'

const broker = await startRabbit({ own: true })
afterAll(() => broker.close())

testFaults({
  name: 'amqp',
  create: ({ url = broker.url, keepalive = 10_000 } = {}) => amqp(url, { heartbeat: Math.ceil(keepalive / 1000) }),
  broker,
  subscriptions: () =>
    broker.ctl(
      'eval',
      '{length(rabbit_amqqueue:list()), length(rabbit_amqqueue:consumers_all(<<"/">>)), length(rabbit_binding:list(<<"/">>))}.',
    ),
  restartEmpty: async () => {
    await broker.ctl('stop_app')
    await broker.ctl('force_reset')
    await broker.ctl('start_app')
  },
})
