import { amqp } from '@commlib/amqp'
import { type Broker, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll } from 'vitest'
import { testInterop } from '../src/suite.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRabbit()
})
afterAll(() => broker?.close())

testInterop({ transport: 'amqp', broker: () => broker, connect: () => amqp(broker.url) })
