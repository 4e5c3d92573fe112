import type { ConnectOptions, Frame, Transport, TransportStatus } from '@commlib/core/internal'
import type { Broker } from '@commlib/testing'
import { type Channel, connect as connectAmqplib } from 'amqplib'
import { afterEach, vi } from 'vitest'
import { type AmqpOptions, amqp } from '../src/index.ts'

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
  url: string | readonly string[],
  options: AmqpOptions = {},
  how: ConnectOptions = {},
): Promise<Told> {
  const transport = amqp(url, options)
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

/** Another program on the same broker: a channel of plain amqplib, which ends with the test. */
export async function other({ url }: Pick<Broker, 'url'>): Promise<Channel> {
  const connection = await connectAmqplib(url)
  connection.on('error', () => {})
  after(() => connection.close().catch(() => {}))
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  return channel
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
export function list(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i))
}
