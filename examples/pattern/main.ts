// Both sides in one process, in memory.
const { subscriber } = await import('./subscriber.ts')
await import('./publisher.ts')
await subscriber.close({ grace: 1000 })
