import type { Server } from 'node:net'
import type { ConnectOptions, Frame, Transport, TransportStatus } from '@commlib/core/internal'
import { afterEach, vi } from 'vitest'

export { type Program, startProgram } from './program.ts'

/** A transport, and what it has told. */
export interface Told {
  readonly transport: Transport
  readonly statuses: TransportStatus[]
  readonly errors: unknown[]
}

/** Takes what is to run when the test that runs is over, the last first. Call it inside a `describe`, or at a file's top. */
export function createCleanup(): (cleanup: () => unknown) => void {
  let cleanups: Array<() => unknown> = []
  afterEach(async () => {
    const all = cleanups.reverse()
    cleanups = []
    for (const cleanup of all) await cleanup()
  })
  return cleanup => void cleanups.push(cleanup)
}

/** Connects a transport, and notes what it tells. */
export async function connected(transport: Transport, options: ConnectOptions = {}): Promise<Told> {
  const statuses: TransportStatus[] = []
  const errors: unknown[] = []
  await transport.connect({
    ...options,
    onStatus: status => statuses.push(status),
    onError: error => errors.push(error),
  })
  return { transport, statuses, errors }
}

/** Has a server listen on a free port of the loopback address, and tells which. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return address.port
}

/** The UTF-8 of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The text of a frame's body. */
export function text({ body }: Frame): string {
  return new TextDecoder().decode(body)
}

/** A name that no other test uses. */
export function unique(): string {
  return `t${Math.random().toString(36).slice(2)}`
}

/** `'0'`, `'1'` and so on. */
export function list(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(i + from))
}

/** Waits until the expectation holds. */
export function eventually<T>(expectation: () => T | Promise<T>, timeout = 5000): Promise<T> {
  return vi.waitFor(expectation, { timeout, interval: 5 })
}

/** Gives what must not happen the time to happen. */
export function quiet(ms = 150): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
