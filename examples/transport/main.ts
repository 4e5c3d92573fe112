// Both sides in one process: in memory, or on the broker of --broker or COMMLIB_URL.
try {
  const { server } = await import('./server.ts')
  await import('./client.ts')
  await server.close()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
