import { setTimeout as sleep } from 'node:timers/promises'
import { CommlibError } from '@commlib/core/internal'
import type { Clock } from './clock.ts'
import { openLine } from './cluster-line.ts'
import { type ClusterMap, endpointOf, readMap } from './cluster-map.ts'
import { Nodes } from './cluster-nodes.ts'
import type { Argument, Connection } from './connection.ts'
import { connectionLost } from './errors.ts'
import type { Role, Server } from './server.ts'
import { keyOf, type Redirect, redirectOf, slotOf, tagOf } from './slots.ts'

export interface ClusterOptions {
  /** Names the cluster, for error messages. */
  readonly target: string
  readonly map: ClusterMap

  /** Opens a connection to a node. */
  open(role: Role, address: string): Promise<Connection>

  /** Reads a node's clock. */
  clock(connection: Connection): Promise<Clock>

  /** Milliseconds after which it is asked again who is in the cluster; 0 never asks. */
  readonly interval: number

  /** The name of this client's list of answers. */
  readonly root: string

  /** The cluster cannot be gone on with. */
  onLost(cause: Error): void
}

/** How often a command is sent somewhere else. */
const REDIRECTS = 40

/** Of these, how many at once. */
const HASTE = 3

/** Milliseconds between the others: nodes do not agree yet, or a slot is moving. */
const PAUSE = 50

/**
 * The primaries of a cluster, a connection to each. One that is lost ends all, to be opened again with what the nodes say
 * then: what is under way when a primary dies is settled as it is with a single server.
 */
export async function openCluster(options: ClusterOptions): Promise<Server> {
  const { target, open, clock, root, onLost } = options
  const { slots, primaries } = options.map
  const nodes = new Nodes({ target, open: address => open('commands', address), clock, onLost })
  const opened = await Promise.all(primaries.map(address => nodes.open(address)))
  // What is published on one is heard on all: each client has one of its own choice.
  const choice = Math.floor(Math.random() * opened.length)
  const [home, address] = [opened[choice], primaries[choice]]
  if (home === undefined || address === undefined) {
    throw failed(`${target} is in no cluster that has slots`)
  }
  const { connection } = home
  const addressOf = (slot: number) => slots[slot] ?? address
  const note = ({ type, slot, address }: Redirect) => {
    if (type === 'moved') slots[slot] = address
  }

  function send(name: string, args: Argument[]): Promise<unknown> {
    const key = keyOf(name, args)
    if (key === undefined) return connection.send(name, args)
    const slot = slotOf(key)
    const to = addressOf(slot)
    return nodes.send(to, name, args).catch(error => {
      const redirect = redirectOf(error, to)
      if (redirect === undefined) throw error
      return follow(redirect, slot, name, args)
    })
  }

  /** What is answered with a redirection was not run, so it may be sent again. */
  async function follow(first: Redirect, slot: number, name: string, args: Argument[]): Promise<unknown> {
    let redirect = first
    for (let times = 1; ; times++) {
      note(redirect)
      if (times > HASTE || redirect.type === 'try again') await sleep(PAUSE)
      const asking = redirect.type === 'ask'
      const to = asking ? redirect.address : addressOf(slot)
      try {
        return await nodes.send(to, name, args, asking)
      } catch (error) {
        const next = redirectOf(error, to)
        if (next === undefined || (times === REDIRECTS && next.type !== 'moved')) throw error
        if (times === REDIRECTS) {
          onLost(failed(`the nodes of ${target} do not agree on who has slot ${slot}`))
          throw connectionLost(target)
        }
        redirect = next
      }
    }
  }

  async function look(): Promise<void> {
    const map = await readMap(connection.send, endpointOf(address as string).host, target)
    for (const [slot, now] of map.slots.entries()) if (now !== undefined) slots[slot] = now
    // One that was taken out of the cluster goes on answering, and hears nothing of the others.
    if (!map.primaries.includes(address as string)) throw failed(`${address} is no primary of its cluster any more`)
  }
  const looked = (error: unknown) => {
    // A connection that has ended is told of by itself.
    if (error instanceof CommlibError && error.code === 'CONNECTION_FAILED') onLost(error)
  }
  const looking = options.interval === 0 ? undefined : setInterval(() => look().catch(looked), options.interval)
  looking?.unref()

  return {
    send,
    publish: (channel, body, onRefused) => connection.tell('publish', [channel, body], onRefused),
    sendBoth: undefined,
    room: connection.room,
    nameOf: key => addressOf(slotOf(key)),
    now: key => (nodes.get(addressOf(slotOf(key))) ?? home).clock.now(),
    many: true,
    slotOf,
    wakeKey: key => `wake{${tagOf(key)}}${root}`,
    subscriber: () => open('subscriber', address),
    reader: key => {
      const slot = slotOf(key)
      return openLine({ target, note, onLost, address: () => addressOf(slot), open: to => open('reader', to) })
    },
    close: grace => {
      clearInterval(looking)
      return nodes.close(grace)
    },
  }
}

function failed(message: string): CommlibError {
  return new CommlibError('CONNECTION_FAILED', message)
}
