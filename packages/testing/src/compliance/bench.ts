import type { ConnectOptions, Transport, TransportSupports } from '@commlib/core/internal'
import type { Broker } from '../brokers/broker.ts'
import { connected, createCleanup, type Told } from '../support.ts'

export { bytes, eventually, list as numbers, quiet, type Told as Link, text, unique } from '../support.ts'

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

  /** A mebibyte takes longer than a test may: what carries one is left out, and a crowd is smaller. @default false */
  readonly slow?: boolean | undefined
}

/** What a transport is made with. */
export interface CreateOptions {
  /** Where to connect to instead of the broker's own URL: the same broker, or none, behind a proxy. */
  readonly url?: string | undefined

  /** Milliseconds of silence after which a connection is to be suspected. Default: the transport's own. */
  readonly keepalive?: number | undefined
}

/** Makes transports, and closes them after each test. */
export interface Bench {
  readonly supports: TransportSupports
  create(options?: CreateOptions): Transport
  link(options?: CreateOptions & ConnectOptions): Promise<Told>
  connect(): Promise<Transport>

  /** Runs when the test is over. */
  after(cleanup: () => unknown): void
}

/** Call it inside a `describe`. */
export function createBench({ create }: Pick<ComplianceOptions, 'create'>): Bench {
  const after = createCleanup()
  const bench: Bench = {
    supports: create().supports,
    create: options => {
      const transport = create(options)
      after(() => transport.close())
      return transport
    },
    link: ({ url, keepalive, ...options } = {}) => connected(bench.create({ url, keepalive }), options),
    connect: async () => (await bench.link()).transport,
    after,
  }
  return bench
}

/** Lengths that a body may have, with their names. */
export function lengths({
  slow = false,
}: Pick<ComplianceOptions, 'slow'>): Array<readonly [name: string, bytes: number]> {
  const all = [['no bytes', 0] as const, ['any bytes', 256] as const, ['a mebibyte', 1024 * 1024] as const]
  return slow ? all.slice(0, 2) : all
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
