import { toError } from '@commlib/core/internal'
import type { Clock } from './clock.ts'
import type { Argument, Connection } from './connection.ts'
import { connectionLost } from './errors.ts'

export interface NodesOptions {
  /** Names the cluster, for error messages. */
  readonly target: string

  /** Opens the connection for commands to a node. */
  open(address: string): Promise<Connection>
  clock(connection: Connection): Promise<Clock>

  /** A node is not to be reached. */
  onLost(cause: Error): void
}

/** A node that can be sent to. */
export interface Node {
  readonly connection: Connection
  readonly clock: Clock
}

/** The nodes of a cluster that commands are sent to, a connection to each. */
export class Nodes {
  readonly #options: NodesOptions
  readonly #opened = new Map<string, Node>()
  readonly #opening = new Map<string, Promise<Node>>()
  #closed = false

  constructor(options: NodesOptions) {
    this.#options = options
  }

  /** The node at this address, if it is there already. */
  get(address: string): Node | undefined {
    return this.#opened.get(address)
  }

  open(address: string): Promise<Node> {
    const known = this.#opening.get(address)
    if (known !== undefined) return known
    const opening = this.#enter(address)
    this.#opening.set(address, opening)
    return opening
  }

  /** @param asking it is to take what it is only about to get */
  async send(address: string, name: string, args: Argument[], asking = false): Promise<unknown> {
    const node = this.#opened.get(address) ?? (await this.open(address).catch(() => undefined))
    if (node === undefined) throw connectionLost(this.#options.target)
    const { connection } = node
    // If that is refused, so is the command.
    if (asking) connection.send('asking', []).catch(() => {})
    return connection.send(name, args)
  }

  /** Waits for what was sent, for so many milliseconds, then disconnects. */
  async close(grace: number): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#opened.values(), ({ connection }) => connection.close(grace)))
  }

  async #enter(address: string): Promise<Node> {
    const { open, clock, onLost } = this.#options
    try {
      const connection = await open(address)
      const node = { connection, clock: await clock(connection) }
      if (this.#closed) void connection.close(0)
      else this.#opened.set(address, node)
      return node
    } catch (error) {
      if (!this.#closed) onLost(toError(error))
      throw error
    }
  }
}
