import { setTimeout as sleep } from 'node:timers/promises'
import { toError } from '@commlib/core/internal'
import { connectionLost } from './errors.ts'
import type { Line } from './server.ts'
import { type Redirect, redirectOf } from './slots.ts'

export interface LineOptions {
  /** Names the cluster, for error messages. */
  readonly target: string

  /** The address of the node that has the slot, as far as is known. */
  address(): string

  /** A node has told of another address. */
  note(redirect: Redirect): void

  /** Opens a connection to a node. */
  open(address: string): Promise<Line>

  /** The node that has the slot now is not to be reached. */
  onLost(cause: Error): void
}

/** Milliseconds until a slot that is moving is looked at again. */
const PAUSE = 50

/** A blocking connection that goes where its slot goes. */
export async function openLine({ target, address, note, open, onLost }: LineOptions): Promise<Line> {
  let at = address()
  let current = await open(at)
  let closed = false

  async function follow(redirect: Redirect): Promise<void> {
    note(redirect)
    // Lists that are asked for together are nowhere while their slot moves.
    if (address() === at) await sleep(PAUSE)
    const next = address()
    if (next === at || closed) return
    void current.close(0)
    try {
      current = await open(next)
    } catch (error) {
      if (!closed) onLost(toError(error))
      throw connectionLost(target)
    }
    at = next
    if (closed) void current.close(0)
  }

  return {
    send: async (name, args) => {
      for (;;) {
        try {
          return await current.send(name, args)
        } catch (error) {
          const redirect = redirectOf(error, at)
          if (redirect === undefined || closed) throw error
          await follow(redirect)
        }
      }
    },
    close: async grace => {
      closed = true
      await current.close(grace)
    },
  }
}
