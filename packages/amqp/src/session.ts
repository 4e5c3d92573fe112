import { CommlibError, type LinkEvents, ReadRests, type Sink } from '@commlib/core/internal'
import type { Channel, ChannelModel } from 'amqplib'
import { connectionLost } from './errors.ts'
import { Writer } from './writer.ts'

/** What amqplib keeps to itself, for want of an option; tests with real brokers tell when it changes. */
interface Inner {
  readonly stream: Sink & { destroy(): void; on(event: 'readable', listener: () => void): unknown }
  readonly frameMax: number
}

/** Milliseconds that saying goodbye may take. */
const CLOSE_TIMEOUT = 1000

/** One AMQP connection, from its handshake to the end of its socket. */
export interface Session {
  /** Scheme, host and port, for error messages. */
  readonly target: string
  readonly writer: Writer
  readonly ended: boolean

  channel(options?: ChannelOptions): Promise<OpenChannel>

  /** Runs when the connection has ended. */
  onEnd(run: () => void): void
  close(): Promise<void>
}

/** Options of {@link Session.channel}. */
export interface ChannelOptions {
  /** The broker confirms what is published. @default false */
  readonly confirm?: boolean | undefined

  /** Is told, once, that the broker has ended it, and by which error, while the connection goes on. */
  readonly onEnd?: ((error: Error | undefined) => void) | undefined
}

/** A channel, and its number on the wire. */
export interface OpenChannel {
  readonly channel: Channel
  readonly number: number
  readonly ended: boolean

  /** Ends it, when everything of it is written. May be called twice, and when it has ended. */
  close(): void
}

/** What a connection is once the broker has said yes. */
export function createSession(model: ChannelModel, target: string, events: LinkEvents): Session {
  const { stream, frameMax } = model.connection as unknown as Inner
  const writer = new Writer(stream, frameMax)
  const rests = new ReadRests(stream)
  const atEnd: Array<() => void> = []
  let cause: Error | undefined
  let ended = false
  let closing: Promise<void> | undefined

  stream.on('readable', () => rests.read())
  model.on('error', error => {
    cause = error
  })
  model.on('close', error => {
    if (ended) return
    ended = true
    writer.end()
    if (closing === undefined) events.lost(cause ?? error)
    for (const run of atEnd) run()
  })
  model.on('blocked', reason => {
    if (closing !== undefined) return
    events.paused()
    const message = `${target} takes nothing for the time being (${reason}): what is sent waits`
    events.status({ type: 'error', error: new CommlibError('BUFFER_FULL', message) })
  })
  model.on('unblocked', () => {
    if (closing === undefined) events.resumed()
  })

  async function channel({ confirm = false, onEnd }: ChannelOptions = {}): Promise<OpenChannel> {
    if (ended || closing !== undefined) throw connectionLost(target)
    const channel = await (confirm ? model.createConfirmChannel() : model.createChannel())
    let error: Error | undefined
    let over = false
    channel.on('error', thrown => {
      error = thrown
    })
    // We count ourselves, and what amqplib keeps would grow.
    channel.removeAllListeners('ack').removeAllListeners('nack')
    channel.on('close', () => {
      if (over) return
      over = true
      // The channels of a connection end a moment before it does, and then there is nothing to mend.
      queueMicrotask(() => {
        if (!ended && closing === undefined) onEnd?.(error)
      })
    })
    return {
      channel,
      number: (channel as unknown as { readonly ch: number }).ch,
      get ended() {
        return over || ended
      },
      close: () => {
        if (over || ended) return
        over = true
        writer.flush()
        // It may end by itself meanwhile.
        channel.close().catch(() => {})
      },
    }
  }

  async function end(): Promise<void> {
    if (ended) return
    writer.flush()
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => {
        stream.destroy()
        resolve()
      }, CLOSE_TIMEOUT)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      model.close().then(done, done)
    })
    // A goodbye that nobody answers still ends here.
    ended = true
    writer.end()
    for (const run of atEnd) run()
  }

  return {
    target,
    writer,
    get ended() {
      return ended || closing !== undefined
    },
    channel,
    onEnd: run => void atEnd.push(run),
    close: () => (closing ??= end()),
  }
}
