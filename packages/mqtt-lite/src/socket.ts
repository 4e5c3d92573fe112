import { CommlibError } from '@commlib/core/internal'
import type { Settings } from './options.ts'

/** What a connection is told by its socket. */
export interface SocketEvents {
  open(): void
  data(chunk: Uint8Array): void

  /** It has ended, or was never there. Called once. */
  close(error?: unknown): void
}

/** A stream of bytes, whatever carries it. */
export interface Socket {
  write(bytes: Uint8Array): void

  /** Bytes that wait to leave. */
  pending(): number

  /** Ends it when everything has left. */
  end(): void

  /** Ends it at once. */
  destroy(error?: Error): void
}

/** Opens a socket. */
export type OpenSocket = (settings: Settings, events: SocketEvents) => Socket

export const openWebSocket: OpenSocket = ({ target, path, webSocket }, events) => {
  const Constructor = webSocket ?? globalThis.WebSocket
  if (Constructor === undefined) {
    throw new CommlibError('UNSUPPORTED', 'no WebSocket here: give one with the option webSocket')
  }
  const socket = new Constructor(target + path, 'mqtt')
  socket.binaryType = 'arraybuffer'
  let cause: unknown
  let closed = false
  function close(): void {
    if (closed) return
    closed = true
    events.close(cause)
  }
  let opened = false
  socket.onopen = () => {
    opened = true
    if (!closed) events.open()
  }
  socket.onmessage = ({ data }) => closed || events.data(new Uint8Array(data))
  // What was wrong, a browser does not tell.
  socket.onerror = event => {
    const { error, message } = event as Event & { readonly error?: unknown; readonly message?: string }
    // That an open one failed says only that it was closed, and not how.
    if (!opened) cause ??= error ?? new Error(message || 'the WebSocket failed')
  }
  socket.onclose = close
  return {
    write: bytes => {
      if (!closed) socket.send(bytes as Uint8Array<ArrayBuffer>)
    },
    pending: () => socket.bufferedAmount,
    end: () => socket.close(),
    // On a dead connection, a WebSocket takes its time to close.
    destroy: error => {
      cause ??= error
      socket.close()
      close()
    },
  }
}
