import { startRedis, testFaults } from '@commlib/testing'
import { Redis } from 'ioredis'
import { afterAll } from 'vitest'
import { redis } from '../src/index.ts'
import { quiet } from './support.ts'

const broker = await startRedis({ persistence: true })
afterAll(() => broker.close())

async function ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(broker.url)
  try {
    return await question(client)
  } finally {
    client.disconnect()
  }
}

testFaults({
  name: 'redis',
  create: ({ url = broker.url, keepalive = 10_000 } = {}) => redis(url, { keepalive: keepalive / 1000 }),
  broker,
  subscriptions: async () => {
    // A connection that has ended is counted until the server has noticed.
    await quiet(300)
    return ask(async client => {
      const channels = (await client.pubsub('CHANNELS')) as string[]
      const counts = channels.length === 0 ? [] : ((await client.pubsub('NUMSUB', ...channels.sort())) as unknown[])
      const blocked = /blocked_clients:(\d+)/.exec(await client.info('clients'))?.[1]
      return { counts, patterns: await client.pubsub('NUMPAT'), blocked }
    })
  },
  restartEmpty: async () => {
    await ask(client => client.flushall())
    await broker.kill()
    await broker.start()
  },
})
