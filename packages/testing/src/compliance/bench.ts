import type { ConnectOptions, Frame, Transport, TransportStatus, TransportSupports } from '@commlib/core/internal'
import { afterEach, vi } from 'vitest'
import type { Broker } from '../brokers/broker.ts'

/** What {@link testTransport} runs on. */
export interface ComplianceOptions {
  /** The transport's name in the report. */
  readonly name: string

  /** A new transport that is not connected. All of them must reach the same broker. */
  create(options?: CreateOptions): Transport

  /**
   * The broker that the transports reach, to be disturbed: for reconnecting and for errors while connecting. Only a
   * transport that has none goes without.
   */
  readonly broker?: Broker | undefined

  /** The broker keeps what it has confirmed through `stop()` and `start()`. @default false */
  readonly persistent?: boolean | undefined

  /** A mebibyte takes longer than a test may: what carries one is left out. @default false */
  readonly slow?: boolean | undefined
}

/** What a transport is made with. */
export interface CreateOptions {
  /** Where to connect to instead of the broker's own URL: the same broker, or none, behind a proxy. */
  readonly url?: string | undefined

  /** Milliseconds of silence after which a connection is to be suspected. Default: the transport's own. */
  readonly keepalive?: number | undefined
}

/** A transport, and what it has told. */
export interface Link {
  readonly transport: Transport
  readonly statuses: readonly TransportStatus[]
  readonly errors: readonly unknown[]
}

/** Makes transports, and closes them after each test. */
export interface Bench {
  readonly supports: TransportSupports
  create(options?: CreateOptions): Transport
  link(options?: CreateOptions & ConnectOptions): Promise<Link>
  connect(): Promise<Transport>

  /** Runs when the test is over. */
  after(cleanup: () => unknown): void
}

/** Call it inside a `describe`. */
export function createBench({ create }: Pick<ComplianceOptions, 'create'>): Bench {
  let cleanups: Array<() => unknown> = []
  afterEach(async () => {
    const all = cleanups.reverse()
    cleanups = []
    for (const cleanup of all) await cleanup()
  })
  const bench: Bench = {
    supports: create().supports,
    create: options => {
      const transport = create(options)
      cleanups.push(() => transport.close())
      return transport
    },
    link: async ({ url, keepalive, ...options } = {}) => {
      const transport = bench.create({ url, keepalive })
      const statuses: TransportStatus[] = []
      const errors: unknown[] = []
      await transport.connect({
        ...options,
        onStatus: status => statuses.push(status),
        onError: error => errors.push(error),
      })
      return { transport, statuses, errors }
    },
    connect: async () => (await bench.link()).transport,
    after: cleanup => void cleanups.push(cleanup),
  }
  return bench
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function text({ body }: Frame): string {
  return new TextDecoder().decode(body)
}

/** Lengths that a body may have, with their names. */
export function lengths({
  slow = false,
}: Pick<ComplianceOptions, 'slow'>): Array<readonly [name: string, bytes: number]> {
  const all = [['no bytes', 0] as const, ['any bytes', 256] as const, ['a mebibyte', 1024 * 1024] as const]
  return slow ? all.slice(0, 2) : all
}

/** A name that no other test uses. */
export function unique(): string {
  return `t${Math.random().toString(36).slice(2)}`
}

/** `'0'`, `'1'` and so on. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i))
}

/** Waits until the expectation holds. */
export function eventually(expectation: () => void, timeout = 5000): Promise<void> {
  return vi.waitFor(expectation, { timeout, interval: 5 })
}

/** Gives what must not happen the time to happen. */
export function quiet(ms = 150): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** A promise that is settled from outside. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** What became of a promise by now, or within this many milliseconds. */
export function outcome(promise: Promise<unknown>, within = 0): Promise<'resolved' | 'rejected' | 'pending'> {
  return Promise.race([
    promise.then(
      () => 'resolved' as const,
      () => 'rejected' as const,
    ),
    new Promise<'pending'>(resolve => setTimeout(() => resolve('pending'), within)),
  ])
}
