import type { Connection } from './connection.ts'

/** Blocking connections of earlier links, as their servers know them. */
export class StaleReaders {
  readonly #id: string
  readonly #readers = new Map<string, Set<string>>()

  /** @param id what the names of this client's connections begin with */
  constructor(id: string) {
    this.#id = id
  }

  /** This one may turn out to be one some day. */
  async add(target: string, { send }: Connection): Promise<void> {
    const known = await send('client', ['id']).catch(() => undefined)
    if (known === undefined) return
    const readers = this.#readers.get(target) ?? new Set()
    this.#readers.set(target, readers.add(String(known)))
  }

  /**
   * Ends blocking connections of ours that the server still believes in, after the line had gone silent: they would pop
   * items for nobody. Without the right to do so, they end by themselves with their blocking command.
   */
  async end(target: string, { send }: Connection): Promise<void> {
    const readers = this.#readers.get(target) ?? []
    this.#readers.delete(target)
    for (const reader of readers) {
      // A server that was restarted counts its clients anew: only one with our name is ours.
      const line = await send('client', ['list', 'id', reader]).catch(() => '')
      if (String(line).includes(`name=commlib-${this.#id}-reader `))
        await send('client', ['kill', 'id', reader]).catch(() => {})
    }
  }
}
