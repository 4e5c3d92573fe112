import { CommlibError, type TransportStatus } from '@commlib/core/internal'
import { createLosses, createSender, type Outlet, type OutletOptions, within } from '../outlet.ts'
import type { Copy, Parcel } from '../sender.ts'
import type { SpoolOptions } from './options.ts'
import { Spool } from './spool.ts'

/** Milliseconds that the sink may leave a message unconfirmed before others go to the disk. */
const PATIENCE = 1000

/** Milliseconds between looks at the sink. */
const TICK = 100

/** Milliseconds until a write that failed is tried again. */
const RETRY = 1000

const GIB = 1024 ** 3

/**
 * Publishes as long as the sink takes it; then keeps on disk what comes, and sends it in order when the sink is back, before
 * anything newer.
 */
export async function spoolingOutlet(
  options: OutletOptions,
  given: SpoolOptions,
  sourceReliable: boolean,
): Promise<Outlet> {
  const { sink, maxInFlight, tally, onError } = options
  const whenFull = given.whenFull ?? (sourceReliable ? 'block' : 'drop-oldest')
  if (whenFull === 'block' && !sourceReliable) {
    throw new CommlibError(
      'INVALID_OPTION',
      "spool.whenFull 'block' leaves messages with the source's broker, which needs reliable: true",
    )
  }
  const { path, maxBytes = GIB, maxMessages = 1_000_000, maxAge = Infinity, sync = false } = given
  const losses = createLosses(onError)
  const spool = await Spool.open({ path, maxBytes, maxMessages, maxAge, sync, whenFull }, (count, why) => {
    tally.dropped += count
    tally.errors++
    losses.add(why, count)
  })
  const sender = createSender(options)
  let offline = false
  let spooling = !spool.empty
  let draining = false
  let outstanding = 0
  let onRoom: (() => void) | undefined
  let closed = false

  const onStatus = ({ type }: TransportStatus) => {
    if (type === 'connected') offline = false
    else if (type === 'disconnected') offline = true
  }
  sink.onStatus.add(onStatus)

  const troubled = () =>
    offline || sender.troubled || (sender.oldest !== undefined && performance.now() - sender.oldest > PATIENCE)

  /** Keeps it, whatever the disk says: until it is there, the source has it. */
  const keep = async (parcel: Parcel): Promise<void> => {
    for (;;) {
      try {
        return await spool.append(parcel)
      } catch (error) {
        if (closed) return new Promise(() => {})
        tally.errors++
        onError(error)
        await new Promise(resolve => setTimeout(resolve, RETRY))
      }
    }
  }

  /** Whoever comes after this process has to find it before what is newer: the source gives it again only afterwards. */
  const copy = (parcel: Parcel): Copy => {
    const made = spool.copy(parcel)
    const kept = made.kept.catch(error => {
      if (!closed) {
        tally.errors++
        onError(error)
      }
      return false
    })
    return { ...made, kept }
  }

  const divert = () => {
    spooling = true
    sender.copy(copy)
    for (const waiting of sender.takeWaiting()) void keep(waiting).then(waiting.settle)
  }

  const drain = async () => {
    draining = true
    try {
      // What went before is older.
      await sender.idle()
      while (!closed) {
        const parcels = await spool.read()
        if (parcels.length === 0 && outstanding === 0 && spool.empty) break
        for (const { remove, ...parcel } of parcels) {
          outstanding++
          void sender.send(parcel).then(() => {
            outstanding--
            onRoom?.()
            return remove().catch(onError)
          })
        }
        if (outstanding >= maxInFlight || parcels.length === 0) await room()
      }
      spooling = closed
    } finally {
      draining = false
    }
  }

  /** Resolves when one has arrived, or soon: something may have come to the disk meanwhile. */
  const room = () =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, TICK)
      onRoom = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const look = () => {
    spool.expire()
    if (!spooling && troubled()) divert()
    if (spooling && !draining && !troubled()) drain().catch(onError)
  }
  const timer = setInterval(look, TICK)
  timer.unref()
  look()

  return {
    get spooled() {
      return spool.size
    },
    get oldest() {
      const kept = spool.oldest
      const since = kept === undefined ? undefined : performance.now() - (Date.now() - kept)
      return since === undefined ? sender.oldest : Math.min(since, sender.oldest ?? Infinity)
    },
    take: parcel => {
      if (!spooling && troubled()) divert()
      return spooling ? keep(parcel) : sender.send(parcel)
    },
    // What is on disk stays there.
    idle: milliseconds => within(offline ? Promise.resolve() : sender.idle(), milliseconds),
    close: async () => {
      closed = true
      clearInterval(timer)
      onRoom?.()
      sink.onStatus.delete(onStatus)
      sender.close()
      await spool.close()
      losses.flush()
    },
  }
}
