import { once } from 'node:events'
import { HIGH_WATER, Queue, raceSignal, takeReads, toError } from '@commlib/core/internal'
import { Redis, type RedisOptions } from 'ioredis'
import { Connector } from './connector.ts'
import { connectionFailed, connectionLost, isElsewhere, refused } from './errors.ts'
import { Reader, ReplyError, type Value } from './resp/reader.ts'
import { type Argument, Writer } from './resp/writer.ts'
import { watch } from './watchdog.ts'

export type { Argument }

/** Resolves to the answer; rejects with what the server refuses it with. */
export type Send = (name: string, args: Argument[]) => Promise<unknown>

export interface OpenConnectionOptions {
  /** Scheme, host and port, for error messages. */
  readonly target: string

  /** What ioredis is given. */
  readonly client: RedisOptions

  /** Milliseconds of silence after which it is asked whether it is still there; 0 never asks. */
  readonly keepalive: number

  /** It waits in blocking commands, which end by themselves within the keepalive, and cannot be asked meanwhile. */
  readonly blocking: boolean
  readonly signal: AbortSignal
}

/** One connection to a server, until its socket ends. */
export interface Connection {
  /**
   * Sends a command; what is sent in one turn goes out together. Texts in the answer are bytes.
   *
   * @param prompt does not wait for others of its turn where there are probably none: nothing else is on its way, and the
   * last turns had one command each. What a turn has still to do then takes a tenth of a call's time.
   */
  send(name: string, args: readonly Argument[], prompt?: boolean): Promise<unknown>

  /** Sends two commands. Resolves with the answer to the second, rejects with the first refusal. */
  sendBoth(first: Command, second: Command): Promise<unknown>

  /** Sends a command whose answer nobody awaits, and whose fate is not told if the connection ends. */
  tell(name: string, args: readonly Argument[], onRefused?: (error: Error) => void): void

  /** Hands over what comes on the channels that are subscribed to. */
  listen(onMessage: MessageListener): void

  /** Resolves when it has ended. */
  readonly closed: Promise<unknown>

  /** Bytes written and not yet answered. */
  readonly pending: number

  /** Resolves when little enough is pending to send more, or the connection ends. */
  room(): Promise<void>

  /** Waits for the answers to what was sent, for so many milliseconds, then disconnects. Calls nothing back. */
  close(grace: number): Promise<void>
}

/** @param pattern what was subscribed to, if that was one */
export type MessageListener = (channel: Buffer, body: Buffer, pattern: Buffer | undefined) => void

export type Command = readonly [name: string, args: readonly Argument[]]

/** A command that has no answer yet. */
interface Unanswered {
  readonly size: number
  readonly resolve: ((value: unknown) => void) | undefined
  readonly reject: ((error: Error) => void) | undefined
}

/** What we do ourselves, or must not be done. */
const OURS = {
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: null,
  enableAutoPipelining: false,
  disableClientInfo: true,
  // Milliseconds until a server that is loading is asked again: ioredis would wait as long as that is thought to take.
  maxLoadingRetryTime: 100,
  replyMapping: 'legacy',
  noDelay: true,
} satisfies RedisOptions

/**
 * Opens one connection. `onLost` is called before what it still owes is rejected.
 *
 * ioredis connects it, with all that takes; what is said from then on is written and read here, which takes half the time.
 */
export async function openConnection(
  options: OpenConnectionOptions,
  onLost: (cause: Error | undefined) => void,
): Promise<Connection> {
  const { target, keepalive, blocking, signal } = options
  signal.throwIfAborted()
  const { client } = options
  const redis = new Redis({
    ...client,
    ...OURS,
    ...(client.tls === undefined && { Connector }),
    connectTimeout: 2 ** 31 - 1,
  })
  let failure: unknown
  let ended = false
  let pending = 0
  let waiting: { readonly promise: Promise<void>; resolve(): void } | undefined
  redis.on('error', error => {
    failure ??= error
  })
  const abort = () => redis.disconnect()
  signal.addEventListener('abort', abort, { once: true })
  try {
    await raceSignal(redis.connect(), signal)
    // ioredis goes on without the database that it was to select.
    if (failure !== undefined) throw failure
    // It gives the connection a name, and does not wait for the answer.
    while (redis.commandQueue.length > 0) await said(redis.stream, signal)
  } catch (error) {
    redis.disconnect()
    if (signal.aborted) throw signal.reason
    throw connectionFailed(target, failure ?? error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
  const { stream } = redis
  const commands = new Queue<Unanswered>()
  const writer = new Writer(stream)
  let onMessage: MessageListener | undefined

  const reader = new Reader({
    reply: value => {
      // In version 2, what a subscriber hears looks like an answer.
      if (onMessage === undefined || !heard(value)) answered(value)
    },
    push: value => {
      if (!heard(value) && isConfirmation(value[0])) answered(value)
    },
  })
  stream.removeAllListeners('data')
  takeReads(stream, (chunk, lent) => {
    try {
      reader.read(chunk as Buffer, lent)
    } catch (error) {
      failure = error
      stream.destroy()
    }
  })
  // Before ioredis hears of it.
  stream.prependOnceListener('close', () => {
    end(failure === undefined ? undefined : toError(failure))
    writer.end()
    for (const { reject } of commands.drain()) reject?.(connectionLost(target))
  })
  const closed = new Promise(resolve => stream.once('close', resolve))
  const stopWatching = watch({
    keepalive,
    read: () => (stream as { bytesRead?: number }).bytesRead ?? 0,
    ask: () => {
      // What it waits in comes back in time; while there is no room for more, it waits in nothing.
      if (!blocking || commands.size === 0) tell('ping', []) // silence is what tells
    },
    patient: blocking,
    onSilent: () => {
      end(new Error(`no sign of life from ${target} for more than ${keepalive} ms`))
      redis.disconnect()
    },
  })

  function end(cause: Error | undefined): void {
    if (ended) return
    ended = true
    stopWatching()
    release()
    onLost(cause)
  }

  function release(): void {
    waiting?.resolve()
    waiting = undefined
  }

  /** Whether it was a message on a channel. */
  function heard(value: Value): boolean {
    if (!Array.isArray(value)) return false
    const [kind, first, second, third] = value as readonly Buffer[]
    if (kind?.[0] === M && value.length === 3 && kind.equals(MESSAGE)) {
      onMessage?.(first as Buffer, second as Buffer, undefined)
      return true
    }
    if (kind?.[0] === P && value.length === 4 && kind.equals(PATTERN_MESSAGE)) {
      onMessage?.(second as Buffer, third as Buffer, first)
      return true
    }
    return false
  }

  function answered(value: Value): void {
    const command = commands.shift()
    if (command === undefined) throw new Error('an answer that nothing was asked for')
    pending -= command.size
    if (waiting !== undefined && pending < HIGH_WATER) release()
    if (!(value instanceof ReplyError)) command.resolve?.(value)
    else if (!isElsewhere(value)) command.reject?.(value)
    else {
      const last = !ended
      end(refused(target, value))
      command.reject?.(connectionLost(target))
      if (last) redis.disconnect()
    }
  }

  function write(
    name: string,
    args: readonly Argument[],
    resolve: Unanswered['resolve'],
    reject: Unanswered['reject'],
  ): void {
    const size = writer.command(name, args)
    pending += size
    commands.push({ size, resolve, reject })
  }

  function send(name: string, args: readonly Argument[], prompt = false): Promise<unknown> {
    if (ended) return Promise.reject(connectionLost(target))
    const answer = new Promise((resolve, reject) => write(name, args, resolve, reject))
    if (prompt && commands.size === 1 && writer.alone) writer.flush()
    return answer
  }

  function sendBoth([name, args]: Command, [other, others]: Command): Promise<unknown> {
    if (ended) return Promise.reject(connectionLost(target))
    return new Promise((resolve, reject) => {
      write(name, args, undefined, reject)
      write(other, others, resolve, reject)
    })
  }

  function tell(name: string, args: readonly Argument[], onRefused?: (error: Error) => void): void {
    if (ended) return
    write(name, args, undefined, onRefused && (error => error instanceof ReplyError && onRefused(error)))
  }

  async function close(grace: number): Promise<void> {
    if (ended) return
    ended = true
    stopWatching()
    // What was said in this very turn, such as an acknowledgement.
    writer.flush()
    if (grace > 0) {
      const limit = setTimeout(() => redis.disconnect(), grace)
      // Its answer comes after all others.
      await new Promise<unknown>(settled => write('quit', [], settled, settled))
      clearTimeout(limit)
    }
    redis.disconnect()
    release()
    await closed
  }

  return {
    send,
    sendBoth,
    tell,
    listen: listener => {
      onMessage = listener
    },
    closed,
    get pending() {
      return pending
    },
    room: () => {
      if (pending < HIGH_WATER || ended) return done
      if (waiting === undefined) {
        let resolve = () => {}
        const promise = new Promise<void>(settle => {
          resolve = settle
        })
        waiting = { promise, resolve }
      }
      return waiting.promise
    },
    close,
  }
}

export const done = Promise.resolve()

const MESSAGE = Buffer.from('message')
const PATTERN_MESSAGE = Buffer.from('pmessage')
const M = 0x6d
const P = 0x70

/** Rejects if the stream ends before it says something. */
async function said(stream: Redis['stream'], signal: AbortSignal): Promise<void> {
  const ended = once(stream, 'close', { signal }).then(() => Promise.reject(new Error('it hung up')))
  await Promise.race([once(stream, 'data', { signal }), ended])
}

/** Whether a push says that a channel was subscribed to, or no longer is: what a command was sent for. */
function isConfirmation(kind: Value | undefined): boolean {
  return Buffer.isBuffer(kind) && /^p?(?:un)?subscribe$/.test(kind.toString())
}
