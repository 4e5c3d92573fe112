import { CommlibError, codeOf, toError } from '../errors.ts'
import type { ConnectOptions, QueueListener, TopicListener, Transport, TransportStatus } from '../transport.ts'
import { raceSignal } from '../util/abort.ts'
import { later } from '../util/timer.ts'
import { backoff, RECONNECT } from './backoff.ts'
import { Entries } from './entries.ts'
import { openInbox } from './inbox.ts'
import type { Driver, Link, LinkEvents, LinkSubscription } from './link.ts'
import type { OfflineBufferOptions } from './offline-buffer.ts'
import { Outbox } from './outbox.ts'

/** Options of {@link reconnecting}. */
export interface ReconnectingOptions {
  /** What is kept while there is no connection. */
  readonly offlineBuffer?: OfflineBufferOptions | undefined

  /** Milliseconds an attempt to connect may take, where `connect()` is not told. @default 10_000 */
  readonly connectTimeout?: number | undefined
}

/** Milliseconds that unconfirmed messages have on closing. */
const CLOSE_GRACE = 1000

const UNCONNECTED = 'is not connected: call connect() first'

const never = new Promise<void>(() => {})

type State = 'idle' | 'connecting' | 'connected' | 'waiting' | 'failed' | 'closed'

/** Makes a transport out of a driver that only knows one connection. */
export function reconnecting(driver: Driver, options: ReconnectingOptions = {}): Transport {
  const tell = (status: TransportStatus) => {
    try {
      settings.onStatus?.(status)
    } catch (error) {
      settings.onError?.(error)
    }
  }
  const entries = new Entries((error, fatal) => tell({ type: 'error', error, fatal }))
  const outbox = new Outbox(options.offlineBuffer ?? {}, (count, reason) =>
    tell({ type: 'messages-lost', count, reason }),
  )
  let settings: ConnectOptions = {}
  let state: State = 'idle'
  let link: Link | undefined
  let attempt: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let paused = false
  let connecting: Promise<void> | undefined
  let closing: Promise<void> | undefined
  outbox.refuse(closed(UNCONNECTED))

  /** One attempt: resolves when everything is established again, rejects within the time limit. */
  async function open(): Promise<void> {
    const timeout = settings.timeout ?? options.connectTimeout ?? 10_000
    const controller = new AbortController()
    attempt = controller
    const limit = later(() => controller.abort(failed(`no answer within ${timeout} ms`)), timeout)
    const { signal } = controller
    let opened: Link | undefined
    let established = false
    let ended = false
    paused = false
    const events: LinkEvents = {
      lost: cause => {
        if (ended) return
        ended = true
        // Before it was connected, this ends the attempt.
        if (!established) controller.abort(cause ?? failed('it disconnected'))
        else lost(cause)
      },
      status: tell,
      error: error => settings.onError?.(error),
      paused: () => {
        if (ended) return
        paused = true
        outbox.pause()
      },
      interrupted: () => {
        if (ended) return
        paused = true
        outbox.lost()
      },
      resumed: () => {
        paused = false
        if (link !== undefined && link === opened) void outbox.open(link)
      },
    }
    try {
      const opening = driver.open(events, { signal })
      // Whoever answers after the time limit is not wanted any more.
      opening.then(late => (signal.aborted ? late.close() : undefined)).catch(() => {})
      opened = await raceSignal(opening, signal)
      await raceSignal(entries.establish(opened), signal)
      established = true
      link = opened
      state = 'connected'
    } catch (error) {
      ended = true
      entries.lost()
      if (opened !== undefined) void opened.close().catch(() => {}) // it has failed already
      controller.abort(error)
      throw error
    } finally {
      clearTimeout(limit)
      attempt = undefined
    }
  }

  function connected(): void {
    failures = 0
    outbox.accept()
    tell({ type: 'connected' })
    if (link !== undefined && !paused) void outbox.open(link)
  }

  function lost(cause: Error | undefined): void {
    link = undefined
    entries.lost()
    outbox.lost()
    tell({ type: 'disconnected', cause })
    if (state !== 'connected') return
    if (cause !== undefined && codeOf(cause) === 'SESSION_TAKEN') fail(cause)
    // At once, but a fleet does not come back in one instant.
    else retry(Math.round(Math.random() * RECONNECT.first))
  }

  function retry(delay: number): void {
    state = 'waiting'
    timer = setTimeout(() => {
      state = 'connecting'
      open().then(connected, thrown => {
        if (state === 'closed') return
        const cause = toError(thrown)
        const next = backoff(++failures, RECONNECT)
        retry(next)
        tell({ type: 'reconnecting', attempt: failures, delay: next, cause })
      })
    }, delay)
  }

  function fail(error: Error): void {
    state = 'failed'
    entries.end(error)
    outbox.refuse(error)
    tell({ type: 'error', error, fatal: true })
  }

  async function start(given: ConnectOptions): Promise<void> {
    settings = given
    if (given.waitForBroker) {
      outbox.accept()
      retry(0)
      return
    }
    state = 'connecting'
    const abort = () => attempt?.abort(given.signal?.reason)
    given.signal?.addEventListener('abort', abort, { once: true })
    try {
      await open()
    } catch (error) {
      // TypeScript does not see that close() may have come in between.
      if ((state as State) !== 'closed') state = 'idle'
      throw error
    } finally {
      given.signal?.removeEventListener('abort', abort)
    }
    connected()
  }

  /** Whoever comes second waits for the first; its options are those that count. */
  async function connect(given: ConnectOptions = {}): Promise<void> {
    if (state === 'closed') throw closed()
    given.signal?.throwIfAborted()
    if (state === 'idle' || state === 'failed') connecting = start(given)
    await connecting
  }

  function add(label: string, establish: (link: Link) => Promise<LinkSubscription>, signal: AbortSignal | undefined) {
    if (state === 'closed') throw closed()
    if (state === 'idle' || state === 'failed') throw closed(UNCONNECTED)
    return entries.add(label, establish, { signal })
  }

  async function end(): Promise<void> {
    clearTimeout(timer)
    const before = state
    state = 'closed'
    attempt?.abort(closed())
    entries.end(closed())
    if (before === 'connected') await outbox.settled(CLOSE_GRACE)
    outbox.refuse(closed())
    const last = link
    link = undefined
    await last?.close()
  }

  function closed(why = 'was closed'): CommlibError {
    return new CommlibError('CLOSED', `${driver.name} ${why}`)
  }

  function failed(why: string): CommlibError {
    return new CommlibError('CONNECTION_FAILED', `cannot connect to ${driver.target}: ${why}`)
  }

  const close = () => (closing ??= end())
  return {
    name: driver.name,
    supports: driver.supports,
    connect,
    close,
    [Symbol.asyncDispose]: close,

    publish: (topic, frame, given) => {
      const { link } = outbox
      if (link !== undefined && given?.reliable !== true && given?.signal?.aborted !== true) {
        return link.publish(topic, frame, given)
      }
      return outbox.publish(topic, frame, given)
    },
    push: (queue, frame, given) => {
      const { link } = outbox
      if (link !== undefined && given?.signal?.aborted !== true) return link.push(queue, frame, given)
      return outbox.push(queue, frame, given)
    },
    subscribe: async (pattern, onFrame, given) => {
      // What comes when all ends is not handled: it must not be taken for settled either.
      const whileOpen: TopicListener = (topic, frame) => (state === 'closed' ? never : onFrame(topic, frame))
      const memory = {}
      const listener = given?.group === undefined ? onFrame : whileOpen
      return add(
        `subscription to '${pattern}'`,
        link => link.subscribe(pattern, listener, { ...given, memory }),
        given?.signal,
      )
    },
    pull: async (queue, onFrame, given) => {
      // A consumer that leaves still gets what it was given, but not when all of it ends.
      const whileOpen: QueueListener = frame => (state === 'closed' ? undefined : onFrame(frame))
      return add(`service on '${queue}'`, link => link.pull(queue, whileOpen, given), given?.signal)
    },
    inbox: async (onReply, given) =>
      openInbox(
        onReply,
        driver.replyTo,
        establish => add('return address', establish, given?.signal),
        given?.onReturned,
      ),
  }
}
