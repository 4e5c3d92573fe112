import { startRedisCluster, testTransport } from '@commlib/testing'
import { afterAll } from 'vitest'
import { redis } from '../src/index.ts'

const cluster = await startRedisCluster()
afterAll(() => cluster.close())

// Without the parts that put a proxy before one server: the nodes name each other's own addresses.
testTransport({ name: 'a redis cluster', create: () => redis({ cluster: cluster.urls }) })
