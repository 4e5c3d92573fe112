// All sides in one process, in memory.
const { subscriber } = await import('./subscriber.ts')
await Promise.all([import('./reader.ts'), import('./publisher.ts')])
await subscriber.close()
