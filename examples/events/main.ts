// Both sides in one process, in memory.
const { listener } = await import('./listener.ts')
await import('./emitter.ts')
await listener.close({ grace: 1000 })
