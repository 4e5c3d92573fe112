import { connect, createServer } from 'node:net'

/** Below what Linux, macOS and Windows give to outgoing connections: one could take a port before its broker does. */
const PORTS = { first: 11_000, count: 20_000 }

// Test files run side by side as processes: each begins at another place.
let next = process.pid * 101

/** A TCP port of the loopback address that nobody listens on, and that this process has not been given lately. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS.count; tries++) {
    const port = PORTS.first + (next++ % PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error(`no port from ${PORTS.first} to ${PORTS.first + PORTS.count - 1} is free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
  await new Promise(resolve => server.close(resolve))
  return true
}

/** Whether what listens there answers a greeting within half a second. A proxy alone would only accept. */
export function answers(host: string, port: number, greeting: Uint8Array): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    const finish = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(500, () => finish(false))
    socket.once('connect', () => socket.write(greeting))
    socket.once('data', () => finish(true))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
  })
}
