import { connect, createServer, type Server, type Socket } from 'node:net'
import { createPump, type Shape } from './pump.ts'

/** A TCP proxy that stands in front of a broker and breaks what passes. Faults hold until {@link FaultProxy.restore}. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number

  /** Connections that are open now. */
  readonly connections: number

  /** Connections that were ever accepted. */
  readonly accepted: number

  /** Bytes forwarded: `up` to the broker, `down` to the clients. */
  readonly bytes: { readonly up: number; readonly down: number }

  /** The proxy's address as a URL of this scheme. */
  url(scheme: string): string

  /** Delays everything, in both directions, by this many milliseconds. */
  latency(ms: number): void

  /** Lets this many bytes a second through, in each direction of each connection. */
  bandwidth(bytesPerSecond: number): void

  /** Lets this many more bytes through, both directions of all connections together, then resets all, mid-frame as it comes. */
  cutAfter(bytes: number): void

  /** Resets every connection (RST). New ones are accepted. */
  reset(): void

  /** Ends every connection in order (FIN). New ones are accepted. */
  end(): void

  /**
   * Keeps every connection open and loses all that is sent over it, as when a cable is cut: neither side learns that the
   * other has gone. `restore` resets what is left of them, since what was lost would be missing.
   */
  halfOpen(options?: HalfOpenOptions): Promise<void>

  /** Refuses new connections (ECONNREFUSED). Those that are open stay: see {@link FaultProxy.reset}. */
  refuse(): Promise<void>

  /** Ends every fault. */
  restore(): Promise<void>

  /** Ends every connection and stops listening. */
  close(): Promise<void>
}

/** Options of {@link createFaultProxy}. */
export interface FaultProxyOptions {
  /** Where to forward to. */
  readonly host: string
  readonly port: number
}

/** Options of {@link FaultProxy.halfOpen}. */
export interface HalfOpenOptions {
  /** What new connections meet: silence, or a refusal. @default 'silence' */
  readonly accept?: 'silence' | 'refusal' | undefined
}

interface Link {
  readonly client: Socket
  readonly upstream: Socket | undefined
  silent: boolean
}

const HOST = '127.0.0.1'

/** Opens a proxy on a free port of the loopback address. */
export async function createFaultProxy({ host, port: target }: FaultProxyOptions): Promise<FaultProxy> {
  const links = new Set<Link>()
  /** What the broker still takes for connected. */
  const stranded = new Set<Socket>()
  const bytes = { up: 0, down: 0 }
  const shape: Shape = { latency: 0, bandwidth: Number.POSITIVE_INFINITY }
  let accepted = 0
  let left = Number.POSITIVE_INFINITY
  let silent = false
  let port = 0

  const reset = () => {
    for (const { client, upstream } of links) {
      client.resetAndDestroy()
      upstream?.resetAndDestroy()
    }
  }

  const accept = (client: Socket) => {
    accepted++
    const upstream = silent ? undefined : connect({ host, port: target, allowHalfOpen: true })
    const link: Link = { client, upstream, silent }
    links.add(link)
    // A reset is what tests cause; it is followed by close, which ends the link.
    client.on('error', () => {})
    upstream?.on('error', () => client.resetAndDestroy())
    client.once('close', () => {
      links.delete(link)
      if (link.silent && upstream !== undefined) stranded.add(upstream)
      else upstream?.destroy()
    })
    client.once('end', () => {
      if (link.silent) client.destroy()
    })
    upstream?.once('close', () => {
      stranded.delete(upstream)
      if (!link.silent) client.destroySoon()
    })
    if (upstream === undefined) {
      client.resume()
      return
    }
    client.setNoDelay(true)
    upstream.setNoDelay(true)
    for (const direction of ['up', 'down'] as const) {
      const [source, sink] = direction === 'up' ? [client, upstream] : [upstream, client]
      createPump(source, sink, shape, chunk => {
        if (link.silent) return undefined
        if (chunk === undefined) {
          sink.end()
          return undefined
        }
        const passed = chunk.subarray(0, Math.min(left, chunk.length))
        left -= passed.length
        bytes[direction] += passed.length
        if (left === 0) {
          // What was let through is written first; the reset follows it.
          left = Number.POSITIVE_INFINITY
          setImmediate(reset)
        }
        return passed
      })
    }
  }

  let server: Server | undefined

  const listen = async () => {
    if (server !== undefined) return
    const opened = createServer({ allowHalfOpen: true }, accept)
    await new Promise<void>((resolve, reject) => {
      opened.once('error', reject)
      opened.listen(port, HOST, resolve)
    })
    const address = opened.address()
    if (address !== null && typeof address !== 'string') port = address.port
    server = opened
  }

  const refuse = async () => {
    // Its callback would wait for the connections that stay open; the port is free at once.
    server?.close()
    server = undefined
  }

  const restore = async () => {
    shape.latency = 0
    shape.bandwidth = Number.POSITIVE_INFINITY
    left = Number.POSITIVE_INFINITY
    silent = false
    for (const link of links) {
      if (!link.silent) continue
      link.client.resetAndDestroy()
      link.upstream?.resetAndDestroy()
    }
    for (const upstream of stranded) upstream.resetAndDestroy()
    await listen()
  }

  const close = async () => {
    server?.close()
    server = undefined
    for (const { client, upstream } of links) {
      client.destroy()
      upstream?.destroy()
    }
    for (const upstream of stranded) upstream.destroy()
  }

  await listen()
  return {
    host: HOST,
    port,
    get connections() {
      return links.size
    },
    get accepted() {
      return accepted
    },
    get bytes() {
      return { ...bytes }
    },
    url: scheme => `${scheme}://${HOST}:${port}`,
    latency: ms => {
      shape.latency = ms
    },
    bandwidth: bytesPerSecond => {
      shape.bandwidth = bytesPerSecond
    },
    cutAfter: count => {
      left = count
    },
    reset,
    end: () => {
      for (const { client, upstream } of links) {
        client.end()
        upstream?.end()
      }
    },
    halfOpen: async ({ accept: mode = 'silence' } = {}) => {
      silent = true
      for (const link of links) link.silent = true
      if (mode === 'refusal') await refuse()
    },
    refuse,
    restore,
    close,
    [Symbol.asyncDispose]: close,
  }
}
