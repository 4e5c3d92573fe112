import { CommlibError } from '../errors.ts'
import type {
  AbortOptions,
  ConnectOptions,
  Frame,
  Inbox,
  PublishOptions,
  PullOptions,
  PushOptions,
  QueueListener,
  ReplyListener,
  SubscribeOptions,
  Subscription,
  TopicListener,
  Transport,
  TransportSupports,
} from '../transport.ts'
import { subscription } from '../util/subscription.ts'
import { randomId } from '../util/token.ts'
import type { Hub } from './hub.ts'
import type { Member } from './mailbox.ts'

/** A transport inside a process. */
export interface MemoryTransport extends Transport {
  /** Ends what a durable name holds. Nobody else does: it waits for its subscriber as long as the process lives. */
  forget(durable: string): void
}

const SUPPORTS: TransportSupports = Object.freeze({
  properties: true,
  headers: 'always',
  queueing: true,
  competing: true,
  reliable: true,
  latched: true,
  groups: true,
  durable: true,
  groupTakeover: 'at-once',
  noService: 'always',
  expiry: true,
  deadLetter: false,
})

/** Messages that a reliable subscriber may have without having settled them. */
const WINDOW = 64

/** Connects to a hub. A transport that was closed stays closed. */
export function createMemoryTransport(hub: Hub): MemoryTransport {
  let state: 'new' | 'connected' | 'closed' = 'new'
  let onStatus: ConnectOptions['onStatus']
  let onError: (error: unknown) => void = error => console.error(error)
  const open = new Set<Subscription>()

  /** What is wrong with a call, if anything is. */
  const refusal = (options: AbortOptions | undefined): unknown => {
    if (options?.signal?.aborted) return options.signal.reason
    if (state === 'connected') return undefined
    const why = state === 'new' ? 'is not connected yet' : 'is closed'
    return new CommlibError('CLOSED', `the memory transport ${why}`)
  }

  const own = (end: () => void): Subscription => {
    const owned = subscription(() => {
      open.delete(owned)
      end()
    })
    open.add(owned)
    return owned
  }

  const member = (options: Pick<Member, 'onFrame' | 'window'>, what: string): Member => ({
    ...options,
    onError: error => onError(error),
    onLost: count => onStatus?.({ type: 'messages-lost', count, reason: `the buffer of ${what} was full` }),
  })

  const close = async () => {
    state = 'closed'
    await Promise.all(Array.from(open, owned => owned.close()))
  }

  return {
    name: 'memory',
    supports: SUPPORTS,
    close,
    [Symbol.asyncDispose]: close,

    async connect(options = {}) {
      if (options.signal?.aborted) throw options.signal.reason
      if (state === 'closed') throw refusal(undefined)
      if (state === 'connected') return
      state = 'connected'
      onStatus = options.onStatus
      onError = options.onError ?? onError
      onStatus?.({ type: 'connected' })
    },

    publish(topic: string, frame: Frame, options?: PublishOptions): Promise<void> {
      if (state !== 'connected' || options?.signal?.aborted) return Promise.reject(refusal(options))
      if (options?.latched) hub.keep(topic, frame)
      hub.publish(topic, frame)
      return hub.taken
    },

    async subscribe(pattern: string, onFrame: TopicListener, options: SubscribeOptions = {}): Promise<Subscription> {
      const refused = refusal(options)
      if (refused !== undefined) throw refused
      const { durable, group, latched = false } = options
      if (latched && group !== undefined) {
        throw new CommlibError(
          'UNSUPPORTED',
          `group '${group}' cannot be latched: its members have no first message each`,
        )
      }
      const reliable = options.reliable === true || durable !== undefined
      const listener = reliable || group === undefined ? onFrame : unsettled(onFrame, error => onError(error))
      const subscriber = member({ onFrame: listener, window: reliable ? WINDOW : Number.POSITIVE_INFINITY }, pattern)
      let owned: Subscription | undefined
      const onTaken = () => {
        if (owned === undefined) return
        void owned.close()
        const error = new CommlibError('SESSION_TAKEN', `the durable name '${durable}' was taken over or forgotten`)
        onStatus?.({ type: 'error', error, fatal: true })
      }
      owned = own(hub.subscribe(pattern, { ...subscriber, onTaken }, { reliable, latched, group, durable }))
      return owned
    },

    push(queue: string, frame: Frame, options?: PushOptions): Promise<void> {
      if (state !== 'connected' || options?.signal?.aborted) return Promise.reject(refusal(options))
      const taken = hub.push(queue, frame, frame.replyTo !== undefined || options?.mandatory === true)
      if (taken) return hub.taken
      return Promise.reject(
        taken === undefined
          ? new CommlibError('NO_SERVICE', `nobody consumes the queue '${queue}'`)
          : new CommlibError('BUFFER_FULL', `the queue '${queue}' holds ${hub.capacity} frames already`),
      )
    },

    async pull(queue: string, onFrame: QueueListener, options: PullOptions = {}): Promise<Subscription> {
      const refused = refusal(options)
      if (refused !== undefined) throw refused
      const window = options.concurrency ?? Number.POSITIVE_INFINITY
      return own(hub.pull(queue, member({ onFrame: (_, frame) => onFrame(frame), window }, queue)))
    },

    async inbox(onReply: ReplyListener, options?: AbortOptions): Promise<Inbox> {
      const refused = refusal(options)
      if (refused !== undefined) throw refused
      const address = `rpc-${randomId()}`
      const reserved = new Set<string>()
      const onFrame = (_: string, frame: Frame) => {
        const token = frame.correlationId
        if (token !== undefined && reserved.has(token)) onReply(token, frame)
      }
      const owned = own(hub.inbox(address, member({ onFrame, window: Number.POSITIVE_INFINITY }, 'the inbox')))
      return {
        ...owned,
        reserve(token) {
          reserved.add(token)
          return address
        },
        release: token => void reserved.delete(token),
      }
    },

    forget: durable => hub.forget(durable),
  }
}

/** A listener whose messages count as settled at once. */
function unsettled(onFrame: TopicListener, onError: (error: unknown) => void): TopicListener {
  return (topic, frame) => {
    const settled = onFrame(topic, frame)
    if (typeof settled?.then === 'function') settled.then(undefined, onError)
  }
}
