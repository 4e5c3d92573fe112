import { startMosquitto, testFaults } from '@commlib/testing'
import mqttjs from 'mqtt'
import { afterAll } from 'vitest'
import { mqtt } from '../src/index.ts'
import { quiet } from './support.ts'

// The broker counts for itself once in a `sys_interval`, in seconds.
const config = ['sys_interval 1', 'set_tcp_nodelay true']
const broker = await startMosquitto({ own: true, config })
afterAll(() => broker.close())

const UPTIME = '$SYS/broker/uptime'

/** What mosquitto says of itself, from now on: what it has kept of that is older. */
async function subscriptions(): Promise<Record<string, string>> {
  const client = await mqttjs.connectAsync(broker.url)
  const counts: Record<string, string> = {}
  const counted = new Promise<void>(resolve => {
    client.on('message', (topic, payload, { retain }) => {
      if (topic !== UPTIME) counts[topic] = String(payload)
      // It goes out with every count, the others only where they have changed.
      else if (!retain) resolve()
    })
  })
  await client.subscribeAsync([UPTIME, '$SYS/broker/subscriptions/count', '$SYS/broker/shared_subscriptions/count'])
  await counted
  await quiet(50)
  await client.endAsync()
  return counts
}

for (const protocolVersion of [5, 4] as const) {
  testFaults({
    name: protocolVersion === 5 ? 'mqtt 5' : 'mqtt 3.1.1',
    create: ({ url = broker.url, keepalive = 30_000 } = {}) =>
      mqtt(url, { protocolVersion, keepalive: Math.ceil(keepalive / 1000) }),
    broker,
    subscriptions,
    // Nothing is kept without `persistence`.
    restartEmpty: async () => {
      await broker.stop()
      await broker.start()
    },
  })
}
