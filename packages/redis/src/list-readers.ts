import { ListReader, type Source } from './list-reader.ts'
import type { Server } from './server.ts'

export interface ListReadersOptions {
  readonly server: Server

  /** Seconds until a blocking command comes back by itself. */
  readonly blockTime: number
  readonly onError: (error: unknown) => void
}

interface Shared {
  readonly slot: number
  readonly reader: ListReader
  uses: number
}

/** Reads lists with as few blocking connections as can be: one for each slot that has some. */
export class ListReaders {
  readonly #options: ListReadersOptions
  readonly #shared = new Map<number, Shared>()
  readonly #users = new Map<Source, Shared>()

  /** By slot, the end of the reader that was there before. */
  readonly #ending = new Map<number, Promise<void>>()

  constructor(options: ListReadersOptions) {
    this.#options = options
  }

  /** Rejects if a list may not be read, or is none. */
  check(key: string): Promise<void> {
    return this.#at(key).reader.check(key)
  }

  /** Resolves when there is a connection to read with. */
  async add(source: Source): Promise<void> {
    const shared = this.#at(source.keys()[0] as string)
    this.#users.set(source, shared)
    shared.uses++
    try {
      await shared.reader.add(source)
    } catch (error) {
      shared.uses--
      this.#users.delete(source)
      throw error
    }
  }

  /** Resolves when nothing more comes. */
  async remove(source: Source): Promise<void> {
    const shared = this.#users.get(source)
    if (shared === undefined) return
    this.#users.delete(source)
    await shared.reader.remove(source)
    const { slot } = shared
    if (--shared.uses > 0 || !this.#options.server.many) return
    this.#shared.delete(slot)
    const ending = shared.reader.close()
    this.#ending.set(slot, ending)
    await ending
    if (this.#ending.get(slot) === ending) this.#ending.delete(slot)
  }

  /** There may be more lists to read, or more room. */
  refresh(source: Source): void {
    this.#users.get(source)?.reader.refresh()
  }

  /** Ends reading; what had been popped by then is taken. */
  async close(): Promise<void> {
    await Promise.all([...Array.from(this.#shared.values(), ({ reader }) => reader.close()), ...this.#ending.values()])
  }

  #at(key: string): Shared {
    const { server, blockTime, onError } = this.#options
    const slot = server.slotOf(key)
    const known = this.#shared.get(slot)
    if (known !== undefined) return known
    const reader = new ListReader({
      open: async () => {
        // It would take the wake-up calls of this one.
        await this.#ending.get(slot)
        return server.reader(key)
      },
      send: server.send,
      wakeKey: server.wakeKey(key),
      blockTime,
      // What a node of a cluster sends elsewhere is sent again one by one.
      ahead: !server.many,
      onError,
    })
    const shared = { slot, reader, uses: 0 }
    this.#shared.set(slot, shared)
    return shared
  }
}
