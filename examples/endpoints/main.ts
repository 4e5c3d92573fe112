// Both sides in one process, in memory.
const { tank } = await import('./tank.ts')
await import('./pump.ts')
await tank.close()
