import { createServer } from 'node:net'
import type { ConnectOptions, Frame, Transport, TransportStatus } from '@commlib/core/internal'
import { Aedes, type AedesOptions } from 'aedes'
import { afterEach, vi } from 'vitest'
import { type MqttOptions, mqtt } from '../src/index.ts'

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
export async function connect(url: string, options: MqttOptions = {}, how: ConnectOptions = {}): Promise<Told> {
  const transport = mqtt(url, options)
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

/** A broker that speaks MQTT 3.1.1 and nothing else, in this process. */
export async function startAedes(
  options: AedesOptions = {},
): Promise<{ readonly url: string; readonly broker: Aedes }> {
  const broker = await Aedes.createBroker(options)
  const server = createServer(broker.handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  after(async () => {
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return { url: `mqtt://127.0.0.1:${address.port}`, broker }
}

/** `'0'`, `'1'` and so on. */
export function list(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i))
}
