import { testRedis } from './compliance.ts'

await testRedis(2)
