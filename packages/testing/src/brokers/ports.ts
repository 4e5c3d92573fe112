import { connect, createServer } from 'node:net'

/** A TCP port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error(`no TCP address: ${address}`)
  return address.port
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
