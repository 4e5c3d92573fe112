import type { ConnectOptions, Frame, Transport, TransportStatus } from '@commlib/core/internal'
import { Redis } from 'ioredis'
import { afterEach, vi } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'

let cleanups: Array<() => unknown> = []
afterEach(async () => {
  const all = cleanups.reverse()
  cleanups = []
  for (const cleanup of all) await cleanup()
})

/** Runs when the test is over. */
export function after(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export interface Told {
  readonly transport: Transport
  readonly statuses: TransportStatus[]
  readonly errors: unknown[]
}

/** A connected transport, and what it has told; closed after the test. */
export async function connect(
  where: string | RedisOptions,
  options: RedisOptions = {},
  how: ConnectOptions = {},
): Promise<Told> {
  const transport = typeof where === 'string' ? redis(where, options) : redis({ ...where, ...options })
  after(() => transport.close())
  const statuses: TransportStatus[] = []
  const errors: unknown[] = []
  await transport.connect({
    ...how,
    onStatus: status => statuses.push(status),
    onError: error => errors.push(error),
  })
  return { transport, statuses, errors }
}

/** A connection of ioredis, to look at the server and to be another program. */
export function raw(url: string): Redis {
  const client = new Redis(url)
  after(() => client.disconnect())
  return client
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function text({ body }: Frame): string {
  return new TextDecoder().decode(body)
}

export function eventually(expectation: () => unknown, timeout = 5000): Promise<unknown> {
  return vi.waitFor(expectation, { timeout, interval: 5 })
}

/** Gives what must not happen the time to happen. */
export function quiet(ms = 150): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** A name that no other test uses. */
export function unique(): string {
  return `t${Math.random().toString(36).slice(2)}`
}

/** `'0'`, `'1'` and so on. */
export function list(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(i + from))
}
