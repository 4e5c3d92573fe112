import { mqtt } from '@commlib/mqtt'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll } from 'vitest'
import { testInterop } from '../src/suite.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto()
})
afterAll(() => broker?.close())

testInterop({ transport: 'mqtt', broker: () => broker, connect: () => mqtt(broker.url) })
