import { redis } from '@commlib/redis'
import { type Broker, startRedis } from '@commlib/testing'
import { afterAll, beforeAll } from 'vitest'
import { testInterop } from '../src/suite.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRedis()
})
afterAll(() => broker?.close())

testInterop({ transport: 'redis', broker: () => broker, connect: () => redis(broker.url) })
