import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Broker } from '@commlib/testing'
import { ensureVenv } from './venv.ts'
import type { BrokerName, Version } from './versions.ts'

const program = join(import.meta.dirname, '..', 'peers', 'peer.py')

/** What a peer tells of its own accord, such as `{ event: 'message', topic, data }`. */
export interface News {
  readonly event: string
  readonly [field: string]: unknown
}

/** A commlib-py in a process of its own, which does what the test tells it. */
export interface Peer {
  /**
   * Does one thing, named as in `peers/peer.py`. Resolves with its value when it is done, which for a subscription or a
   * service means confirmed by the broker; rejects with what Python raised.
   */
  do(what: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>

  /** The next news of this name that no one has taken; waits for it. */
  news(event: string): Promise<News>

  /** All news of this name so far that no one has taken. */
  pending(event: string): readonly News[]

  /** What it has logged. */
  readonly log: () => string
  kill(): void
}

/** What to run it with. */
export interface PeerOptions {
  readonly version: Version
  readonly broker: Broker

  /** The broker's name over there. */
  readonly transport: BrokerName

  /** With the patches of `peers/family*.py`. */
  readonly patched?: boolean | undefined
}

/** Milliseconds that anything over there may take. */
const PATIENCE = 20_000

/** Starts one. It is ready, and not connected. */
export async function startPeer({ version, broker, transport, patched = false }: PeerOptions): Promise<Peer> {
  const python = await ensureVenv(version)
  const args = ['-X', 'faulthandler', program, transport, broker.host, String(broker.port)]
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', COMMLIB_LOG_LEVEL: 'WARNING' }
  const peer = talk(spawn(python, patched ? [...args, '--patched'] : args, { env, stdio: 'pipe' }))
  const { version: running } = await peer.news('ready')
  if (running !== version) throw new Error(`commlib-py ${version} was asked for, and ${String(running)} runs`)
  return peer
}

interface Waiter {
  readonly event: string
  readonly resolve: (news: News) => void
}

function talk(child: ChildProcess): Peer {
  const { stdin, stdout, stderr } = child
  if (stdin === null || stdout === null || stderr === null) throw new Error('the peer has no pipes')
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const waiters = new Set<Waiter & { readonly reject: (error: Error) => void }>()
  let untaken: News[] = []
  let log = ''
  let count = 0
  let gone: Error | undefined

  function end(why: string): void {
    gone ??= new Error(`${why}; it logged:\n${log.slice(-4000)}`)
    for (const { reject } of [...calls.values(), ...waiters]) reject(gone)
  }
  child.on('error', error => end(`the peer could not be run: ${error.message}`))
  child.on('exit', (code, signal) => end(`the peer has ended (${code ?? signal})`))
  stdin.on('error', () => {})
  stderr.setEncoding('utf8').on('data', text => (log += text))
  createInterface(stdout).on('line', line => {
    const message = JSON.parse(line) as News & { id?: number; value?: unknown; error?: RemoteRaise }
    if (message.event !== undefined) {
      const waiter = Array.from(waiters).find(({ event }) => event === message.event)
      if (waiter === undefined) {
        untaken.push(message)
      } else {
        // At once: the next line may come in the same turn.
        waiters.delete(waiter)
        waiter.resolve(message)
      }
      return
    }
    const call = calls.get(message.id ?? -1)
    if (message.error === undefined) call?.resolve(message.value)
    else call?.reject(new PythonError(message.error))
  })

  /** With a deadline, so that a peer that hangs shows what it logged. */
  function waiting<T>(
    what: string,
    begin: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  ): Promise<T> {
    if (gone !== undefined) return Promise.reject(gone)
    let forget = () => {}
    const promise = new Promise<T>((resolve, reject) => {
      const late = () =>
        reject(new Error(`no '${what}' of the peer within ${PATIENCE} ms; it logged:\n${log.slice(-4000)}`))
      const timer = setTimeout(late, PATIENCE)
      const drop = begin(resolve, reject)
      forget = () => {
        clearTimeout(timer)
        drop()
      }
    })
    return promise.finally(() => forget())
  }

  return {
    do: (what, args = {}) =>
      waiting(what, (resolve, reject) => {
        const id = ++count
        calls.set(id, { resolve, reject })
        stdin.write(`${JSON.stringify({ ...args, id, do: what })}\n`)
        return () => calls.delete(id)
      }),
    news: event =>
      waiting(event, (resolve, reject) => {
        const waiter = { event, resolve, reject }
        const known = untaken.find(each => each.event === event)
        if (known === undefined) waiters.add(waiter)
        else {
          untaken = untaken.filter(each => each !== known)
          resolve(known)
        }
        return () => waiters.delete(waiter)
      }),
    pending: event => untaken.filter(each => each.event === event),
    log: () => log,
    kill: () => child.kill('SIGKILL'),
  }
}

interface RemoteRaise {
  readonly type: string
  readonly message: string
}

/** What Python raised. */
export class PythonError extends Error {
  constructor({ type, message }: RemoteRaise) {
    super(`${type}: ${message}`)
    this.name = type
  }
}
