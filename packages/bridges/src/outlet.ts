import { CommlibError, type Context, Losses } from '@commlib/core/internal'
import type { Tally } from './counters.ts'
import type { Publishing } from './loops.ts'
import { type Parcel, Sender } from './sender.ts'

/** The end of a lane: what gets messages to the sink. */
export interface Outlet {
  readonly spooled: number
  readonly oldest: number | undefined

  /** Takes a message. A promise resolves when it may be acknowledged at the source. */
  take(parcel: Parcel): void | Promise<void>

  /** Resolves when nothing is on its way, or after this time. */
  idle(milliseconds: number): Promise<void>
  close(): Promise<void>
}

export interface OutletOptions {
  readonly sink: Context
  readonly publishing: Publishing
  readonly latched: boolean
  readonly maxInFlight: number
  readonly tally: Tally
  readonly onError: (error: unknown) => void
}

/** Publishes best-effort: what cannot be handed over now is lost, counted and told. */
export function bestEffortOutlet({ sink, publishing, latched, maxInFlight, tally, onError }: OutletOptions): Outlet {
  const { transport } = sink
  const how = { latched }
  const losses = createLosses(onError)
  let flying = 0
  let onIdle: Array<() => void> = []

  const end = () => {
    if (--flying > 0) return
    const idle = onIdle
    onIdle = []
    for (const resolve of idle) resolve()
  }
  const lost = (error: unknown) => {
    tally.dropped++
    tally.errors++
    onError(error)
  }
  return {
    spooled: 0,
    oldest: undefined,
    take: ({ topic, frame }) => {
      if (flying >= maxInFlight) {
        tally.dropped++
        tally.errors++
        return losses.add(`'${topic}': ${maxInFlight} messages are on their way (maxInFlight)`)
      }
      flying++
      publishing.begins(topic, frame)
      return transport.publish(topic, frame, how).then(
        () => {
          tally.forwarded++
          publishing.ends(topic, frame)
          end()
        },
        (error: unknown) => {
          lost(error)
          end()
        },
      )
    },
    idle: async milliseconds => {
      if (flying > 0) await within(new Promise<void>(resolve => onIdle.push(resolve)), milliseconds)
    },
    close: async () => losses.flush(),
  }
}

/** Tells what there was no room for: at once, then at most once a second, since it comes in floods. */
export function createLosses(onError: OutletOptions['onError']): Losses {
  return new Losses((count, why) => onError(new CommlibError('BUFFER_FULL', `${count} dropped: ${why}`)))
}

/** Publishes in order, until the sink has confirmed or has refused for good. */
export function reliableOutlet(options: OutletOptions): Outlet {
  const sender = createSender(options)
  return {
    spooled: 0,
    get oldest() {
      return sender.oldest
    },
    take: parcel => sender.send(parcel),
    idle: milliseconds => within(sender.idle(), milliseconds),
    close: async () => sender.close(),
  }
}

export function createSender({ sink, publishing, latched, maxInFlight, tally, onError }: OutletOptions): Sender {
  const { transport } = sink
  const how = { reliable: true, latched }
  return new Sender({
    publish: ({ topic, frame }) => {
      publishing.begins(topic, frame)
      return transport.publish(topic, frame, how)
    },
    maxInFlight,
    onSent: ({ topic, frame }) => {
      tally.forwarded++
      publishing.ends(topic, frame)
    },
    onRefused: (_, error) => {
      tally.dropped++
      tally.errors++
      onError(error)
    },
    onTrouble: error => {
      tally.errors++
      onError(error)
    },
  })
}

/** Waits, but not for longer than this. */
export async function within(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
