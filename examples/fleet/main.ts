// All nodes in one process, in memory.
const { robots } = await import('./robots.ts')
await import('./operator.ts')
for (const robot of robots) await robot.close()
