import type { Store } from './load-store.ts'

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }

/** Writes to a store, in order: what comes together while the one before is being written, in one. */
export class Batches {
  readonly #store: Store
  readonly #sync: boolean
  #operations: Operation[] = []
  #writing: Promise<void> | undefined

  constructor(store: Store, { sync }: { readonly sync: boolean }) {
    this.#store = store
    this.#sync = sync
  }

  /** Resolves when it is written. */
  write(operation: Operation): Promise<void> {
    this.#operations.push(operation)
    // Until that begins, what comes joins it.
    if (this.#operations.length === 1) this.#writing = this.#flush(this.#writing)
    return this.#writing as Promise<void>
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing?.catch(() => {})
  }

  async #flush(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {})
    const operations = this.#operations
    this.#operations = []
    await this.#store.batch(operations, { sync: this.#sync })
  }
}
