import { raceSignal, toError } from '@commlib/core/internal'
import { Command, Redis, type RedisOptions } from 'ioredis'
import { connectionFailed, connectionLost, isElsewhere, isReply, refused } from './errors.ts'
import { watch } from './watchdog.ts'

/** What a command takes. */
export type Argument = string | number | Buffer

export interface OpenConnectionOptions {
  /** Scheme, host and port, for error messages. */
  readonly target: string

  /** What ioredis is given. */
  readonly client: RedisOptions

  /** Milliseconds of silence after which it is asked whether it is still there; 0 never asks. */
  readonly keepalive: number

  /** It waits in blocking commands, which end by themselves within the keepalive, and is not to be asked. */
  readonly blocking: boolean
  readonly signal: AbortSignal
}

/** One connection to a server, until its socket ends. */
export interface Connection {
  readonly redis: Redis

  /** Sends a command; what is sent in one turn goes out together. Texts in the answer are bytes. */
  send(name: string, args: Argument[]): Promise<unknown>

  /** Bytes written and not yet answered. */
  readonly pending: number

  /** Resolves when little enough is pending to send more, or the connection ends. */
  room(): Promise<void>

  /** Waits for what was sent, for so many milliseconds, then disconnects. Calls nothing back. */
  close(grace: number): Promise<void>
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
  replyMapping: 'legacy',
  noDelay: true,
} satisfies RedisOptions

/** Bytes on their way above which a publisher has to wait. */
const HIGH_WATER = 1024 * 1024

/** Opens one connection. `onLost` is called before what it still owes is rejected. */
export async function openConnection(
  options: OpenConnectionOptions,
  onLost: (cause: Error | undefined) => void,
): Promise<Connection> {
  const { target, keepalive, blocking, signal } = options
  signal.throwIfAborted()
  const redis = new Redis({ ...options.client, ...OURS, connectTimeout: 2 ** 31 - 1 })
  let failure: unknown
  let ended = false
  let corked = false
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
  } catch (error) {
    redis.disconnect()
    if (signal.aborted) throw signal.reason
    throw connectionFailed(target, failure ?? error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
  const { stream } = redis

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

  // Before ioredis hears of it, and rejects what is pending.
  stream.prependOnceListener('close', () => end(failure === undefined ? undefined : toError(failure)))
  const stopWatching = watch({
    keepalive,
    read: () => (stream as { bytesRead?: number }).bytesRead ?? 0,
    ask: blocking ? undefined : () => void send('ping', []).catch(() => {}), // silence is what tells
    onSilent: () => {
      end(new Error(`no sign of life from ${target} for more than ${keepalive} ms`))
      redis.disconnect()
    },
  })

  function uncork(): void {
    corked = false
    stream.uncork()
  }

  function send(name: string, args: Argument[]): Promise<unknown> {
    if (ended) return Promise.reject(connectionLost(target))
    if (!corked) {
      corked = true
      stream.cork()
      process.nextTick(uncork)
    }
    let size = 0
    for (const arg of args) size += typeof arg === 'object' ? arg.length : 16
    pending += size
    const command = new Command(name, args, { replyEncoding: null } as object)
    return (redis.sendCommand(command) as Promise<unknown>).then(
      reply => {
        pending -= size
        if (pending < HIGH_WATER) release()
        return reply
      },
      error => {
        pending -= size
        if (pending < HIGH_WATER) release()
        if (!isReply(error)) throw connectionLost(target)
        if (!isElsewhere(error)) throw error
        if (!ended) {
          end(refused(target, error))
          redis.disconnect()
        }
        throw connectionLost(target)
      },
    )
  }

  async function close(grace: number): Promise<void> {
    if (ended) return
    ended = true
    stopWatching()
    const closed = new Promise<void>(resolve => stream.once('close', resolve))
    if (grace > 0) {
      const limit = setTimeout(() => redis.disconnect(), grace)
      if (corked) uncork()
      // Its answer comes after all others.
      await redis.quit().catch(() => {})
      clearTimeout(limit)
    }
    redis.disconnect()
    release()
    await closed
  }

  return {
    redis,
    send,
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
