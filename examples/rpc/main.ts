// Both sides in one process, in memory.
const { server } = await import('./server.ts')
await import('./client.ts')
await server.close()
