export type { Broker, BrokerAbilities, BrokerSource, BrokerTls, LaunchOptions } from './brokers/broker.ts'
export {
  type Mosquitto,
  type MosquittoConfiguration,
  type MosquittoOptions,
  startMosquitto,
} from './brokers/mosquitto.ts'
export { freePort } from './brokers/ports.ts'
export { type Rabbit, type RabbitOptions, startRabbit } from './brokers/rabbit.ts'
export { type RedisOptions, type RedisServer, startRedis } from './brokers/redis.ts'
export {
  type RedisCluster,
  type RedisClusterOptions,
  type RedisNode,
  startRedisCluster,
} from './brokers/redis-cluster.ts'
export { type RedisSentinel, type RedisSentinelOptions, startRedisSentinel } from './brokers/redis-sentinel.ts'
export { type Authority, createAuthority, type Identity, selfSigned } from './certificates.ts'
export type { ComplianceOptions, CreateOptions } from './compliance/bench.ts'
export { type FaultsOptions, testFaults } from './compliance/faults/index.ts'
export { type PersistentOptions, testPersistence } from './compliance/faults/persistence.ts'
export { testTransport } from './compliance/index.ts'
export { testNodes } from './compliance/nodes/index.ts'
export { createFaultProxy, type FaultProxy, type FaultProxyOptions, type HalfOpenOptions } from './fault-proxy.ts'
