import { valuesOf } from './payload.ts'
import { peers } from './peers/index.ts'
import type { Peer } from './peers/peer.ts'
import type { Row } from './rows.ts'
import { Tally } from './tally.ts'
import { type Turn, takeTurn } from './turns.ts'

/** What a process is asked to do; it answers each with one message. */
export type Command =
  | { readonly type: 'receive' | 'send'; readonly peer: string; readonly url: string; readonly row: Row }
  | { readonly type: 'turn'; readonly milliseconds: number }
  | { readonly type: 'reset' }
  | { readonly type: 'settle'; readonly sent: number }
  | { readonly type: 'stop' }

export type Answer = { readonly result: unknown } | { readonly error: string }

let tally: Tally
let turn: (milliseconds: number) => Promise<Turn>

async function obey(command: Command): Promise<unknown> {
  switch (command.type) {
    case 'receive': {
      const peer = await load(command)
      await receive(peer, command)
      return { name: peer.name, semantics: peer.semantics[command.row.deed] }
    }
    case 'send':
      return send(await load(command), command)
    case 'turn':
      return turn(command.milliseconds)
    case 'reset':
      return tally.reset()
    case 'settle':
      return tally.settle(command.sent)
    case 'stop':
      // The connection is not closed in order: what that costs is no row.
      setImmediate(() => process.exit())
      return undefined
  }
}

interface Part {
  readonly url: string
  readonly row: Row
}

async function receive(peer: Peer, { url, row }: Part): Promise<void> {
  const { subscribers = 1, group = false } = row
  tally = new Tally(group ? 1 : subscribers)
  if (isCall(row)) return peer.serve(url, value => tally.add(value), row)
  for (let i = 0; i < subscribers; i++) await peer.subscribe(url, value => tally.add(value, group ? 0 : i), row)
}

async function send(peer: Peer, { url, row }: Part): Promise<void> {
  const valueAt = valuesOf(row)
  if (isCall(row)) {
    const call = await peer.caller(url, row)
    turn = milliseconds => takeTurn(value => call(value), { milliseconds, valueAt, row })
    return
  }
  const { publishers = 1, topics = 1 } = row
  const all: Awaited<ReturnType<Peer['publisher']>>[] = []
  for (let i = 0; i < publishers; i++) all.push(await peer.publisher(url, row))
  turn = milliseconds =>
    takeTurn((value, sequence) => all[sequence % publishers]?.(value, sequence % topics), {
      milliseconds,
      valueAt,
      row,
    })
}

function isCall({ deed }: Row): boolean {
  return deed === 'rpc' || deed === 'actions'
}

function load({ peer, row }: { readonly peer: string; readonly row: Row }): Promise<Peer> {
  const entry = peers[peer]
  if (entry === undefined || row.transport === 'memory') throw new Error(`no such peer: '${peer}'`)
  return entry.load(row.transport)
}

process.on('message', async (command: Command) => {
  const answer: Answer = await obey(command).then(
    result => ({ result }),
    error => ({ error: String(error?.stack ?? error) }),
  )
  process.send?.(answer)
})
