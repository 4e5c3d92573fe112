import type { RedisOptions as ClientOptions } from 'ioredis'
import { readClock } from './clock.ts'
import { openCluster } from './cluster.ts'
import { endpointOf, readMap } from './cluster-map.ts'
import { type Connection, openConnection } from './connection.ts'
import { firstOf } from './first-of.ts'
import type { Settings } from './options.ts'
import type { Endpoint, Place } from './places.ts'
import { assertPrimary, findPrimary } from './sentinels.ts'
import type { Role, Server } from './server.ts'
import { shownAddress } from './url.ts'

/** Where a connection leads to. */
export interface Target {
  readonly target: string
  readonly client: ClientOptions
}

/** What {@link connectServer} works with. */
export interface Opening {
  /** Opens a connection whose end is the end of all. Without a signal it is given up after a time. */
  open(role: Role, at: Target, signal?: AbortSignal): Promise<Connection>
  readonly signal: AbortSignal

  /** What was opened cannot be gone on with. */
  onLost(cause: Error): void

  /** The list of answers. */
  readonly root: string

  /** What the driver remembers from one opening to the next. */
  readonly memory: { nodes: readonly string[] }
}

/** Connects to what the options name. */
export async function connectServer(settings: Settings, opening: Opening): Promise<Server> {
  const { place, target, client } = settings
  switch (place.kind) {
    case 'server':
      return connectOne({ target, client }, opening)
    case 'sentinels':
      return connectPrimary(place, settings, opening)
    case 'cluster':
      return connectCluster(place, settings, opening)
  }
}

async function connectOne(at: Target, { open, signal, root }: Opening): Promise<Server> {
  const commands = await open('commands', at, signal)
  const clock = await readClock(commands.send)
  return {
    send: commands.send,
    publish: (channel, body, onRefused) => commands.tell('publish', [channel, body], onRefused),
    sendBoth: commands.sendBoth,
    room: commands.room,
    nameOf: () => '',
    now: clock.now,
    many: false,
    slotOf: () => 0,
    wakeKey: () => `wake{${root}}`,
    subscriber: () => open('subscriber', at),
    reader: () => open('reader', at),
    close: commands.close,
  }
}

/** All connections lead to the server that the sentinels named once: a failover in between ends them. */
async function connectPrimary(
  { sentinels, name, protocol }: Place & { kind: 'sentinels' },
  { client, connectTimeout }: Settings,
  opening: Opening,
): Promise<Server> {
  const primary = await firstOf(sentinels, {
    timeout: connectTimeout,
    signal: opening.signal,
    ask: (sentinel, signal) => question(sentinel, signal, ({ send }) => findPrimary(send, name, sentinel.target)),
  })
  const at = targetAt(protocol, primary, client)
  const server = await connectOne(at, opening)
  await assertPrimary(server.send, at.target)
  return server
}

async function connectCluster(
  { target, protocol, seeds }: Place & { kind: 'cluster' },
  { client, connectTimeout, keepalive }: Settings,
  { open, signal, onLost, root, memory }: Opening,
): Promise<Server> {
  const at = (address: string) => targetAt(protocol, endpointOf(address), client)
  const known = [...new Set([...memory.nodes, ...seeds.map(({ host, port }) => `${host}:${port}`)])]
  const map = await firstOf(known.map(at), {
    timeout: connectTimeout,
    signal,
    ask: (node, limit) => question(node, limit, ({ send }) => readMap(send, node.client.host ?? '', node.target)),
  })
  memory.nodes = map.primaries
  let until: AbortSignal | undefined = signal
  const server = await openCluster({
    target,
    map,
    open: (role, address) => open(role, at(address), until),
    clock: ({ send }) => readClock(send),
    interval: keepalive,
    root,
    onLost,
  })
  until = undefined
  return server
}

function targetAt(protocol: string, { host, port }: Endpoint, client: ClientOptions): Target {
  return { target: shownAddress(protocol, host, port), client: { ...client, host, port } }
}

/** Asks on a connection that is there for nothing else. */
async function question<T>(at: Target, signal: AbortSignal, ask: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await openConnection({ ...at, keepalive: 0, blocking: false, signal }, () => {})
  const end = () => void connection.close(0)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await ask(connection)
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}
