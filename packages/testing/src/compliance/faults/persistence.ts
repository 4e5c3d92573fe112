import { describe } from 'vitest'
import type { Broker } from '../../brokers/broker.ts'
import type { ComplianceOptions } from '../bench.ts'
import { testRestarts } from './restarts.ts'

/** What {@link testPersistence} runs on. */
export interface PersistentOptions extends ComplianceOptions {
  /** A broker that keeps what it has confirmed through `stop()` and `start()`, however much it is. */
  readonly broker: Broker

  /** Messages that are published meanwhile. @default 20_000 */
  readonly messages?: number | undefined

  /** How often the broker ends. @default 10 */
  readonly restarts?: number | undefined

  /** What it has confirmed is on disk: nothing of it is lost even when it is killed. @default false */
  readonly synced?: boolean | undefined

  /** Is told what was lost and what was delivered twice. */
  readonly report?: ((line: string) => void) | undefined
}

/** What a broker that stores messages loses, and what it delivers twice, when it ends again and again. */
export function testPersistence(options: PersistentOptions): void {
  describe(`restarts on ${options.name}`, () => testRestarts(options))
}
