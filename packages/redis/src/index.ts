export type { RedisOptions, TlsOptions } from './options.ts'
export { type RedisFactory, redis } from './redis.ts'
