import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { afterAll, afterEach } from 'vitest'

/** Opens connections to the same process, for the tests of one file. One at a time. */
export function createSockets() {
  const sockets: Socket[] = []
  const server = createServer().listen(0, '127.0.0.1')
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
  })
  afterAll(() => server.close())

  /** Two ends: what writes, and what reads. */
  return async (options: Partial<NetConnectOpts> = {}) => {
    if (!server.listening) await once(server, 'listening')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const { port } = server.address() as { port: number }
    const reader = connect({ port, host: '127.0.0.1', ...options })
    const [writer] = await accepted
    writer.setNoDelay(true)
    sockets.push(reader, writer)
    return { reader, writer }
  }
}
