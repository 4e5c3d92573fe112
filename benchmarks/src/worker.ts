import type { Reading } from './payload.ts'
import { peers } from './peers/index.ts'
import type { Row } from './rows.ts'
import { Tally } from './tally.ts'
import { flood, keepInFlight } from './turns.ts'

/** What a process is asked to do; it answers each with one message. */
export type Command =
  | { readonly type: 'receive' | 'send'; readonly peer: string; readonly url: string; readonly row: Row }
  | { readonly type: 'turn'; readonly milliseconds: number }
  | { readonly type: 'reset' }
  | { readonly type: 'settle'; readonly sent: number }
  | { readonly type: 'stop' }

export type Answer = { readonly result: unknown } | { readonly error: string }

const tally = new Tally()
let turn: (milliseconds: number) => Promise<unknown>

async function obey(command: Command): Promise<unknown> {
  switch (command.type) {
    case 'receive': {
      const { peer, url, row } = command
      const { serve, subscribe, name, semantics } = await load(peer)
      if (row.pattern === 'rpc') await serve(url, tally.add)
      else await subscribe(url, tally.add)
      return { name, semantics: semantics[row.pattern as keyof typeof semantics] }
    }
    case 'send': {
      const { peer, url, row } = command
      const { caller, publisher } = await load(peer)
      const { inFlight, pattern } = row
      const send = pattern === 'rpc' ? await caller(url) : await publisher(url, { confirmed: pattern === 'confirmed' })
      turn =
        inFlight === undefined
          ? milliseconds => flood(send as (value: Reading) => Promise<void> | void, { milliseconds })
          : milliseconds =>
              keepInFlight(send as (value: Reading) => Promise<unknown>, {
                milliseconds,
                inFlight,
                answers: pattern === 'rpc',
              })
      return undefined
    }
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

function load(peer: string) {
  const found = peers[peer]
  if (found === undefined) throw new Error(`no such peer: '${peer}'`)
  return found()
}

process.on('message', async (command: Command) => {
  const answer: Answer = await obey(command).then(
    result => ({ result }),
    error => ({ error: String(error?.stack ?? error) }),
  )
  process.send?.(answer)
})
