import type { ConnectionOptions } from 'node:tls'
import type { OpenSocket } from './socket.ts'

/** Opens a socket of Node. */
export const openTcp: OpenSocket = ({ host, port, tls }, events) => {
  // Not imported, so that a bundle for browsers has nothing of it.
  const builtin = process.getBuiltinModule
  const socket =
    tls === undefined
      ? builtin('node:net').connect({ host, port })
      : builtin('node:tls').connect({ host, port, ...tls } as ConnectionOptions) // its types know no plain bytes
  let cause: unknown
  socket.setNoDelay(true)
  socket.on(tls === undefined ? 'connect' : 'secureConnect', events.open)
  socket.on('data', events.data)
  socket.on('error', error => {
    cause ??= error
  })
  socket.on('close', () => events.close(cause))
  return {
    write: bytes => socket.write(bytes),
    pending: () => socket.writableLength,
    end: () => socket.end(),
    destroy: error => socket.destroy(error),
  }
}
