import type { Channel } from 'amqplib'
import { publishMethod } from './frames.ts'
import type { OpenChannel, Session } from './session.ts'
import type { Route } from './writer.ts'

export interface OutletOptions {
  readonly confirm?: boolean | undefined

  /** Readies each channel before anything leaves by it. */
  prepare?(channel: Channel): unknown

  /** The broker has ended the channel, most likely over a message that it does not take. */
  onBroken(error: Error | undefined): void

  /** There is another one. */
  onMended(): void

  /** There cannot be another one. */
  onFailed(error: unknown): void

  /** There is another one, since it was asked for; the last one ends now. */
  onRenewed?(): void
}

/** Where messages leave the connection: a channel, and another when the broker has ended it. */
export interface Outlet {
  readonly channel: Channel
  route(exchange: string, key: string, mandatory: boolean): Route

  /** Goes on with another channel, once that is open. */
  renew(): void
}

/** Names whose frames are kept ready. */
const KEPT = 2000

export async function openOutlet(session: Session, options: OutletOptions): Promise<Outlet> {
  let current: OpenChannel
  let routes = new Map<string, Route>()

  async function open(): Promise<OpenChannel> {
    let usable = false
    const opened = await session.channel({
      confirm: options.confirm,
      onEnd: error => {
        if (!usable || session.ended) return
        options.onBroken(error)
        if (!session.ended) mend()
      },
    })
    await options.prepare?.(opened.channel)
    usable = true
    return opened
  }

  function mend(): void {
    open().then(
      opened => {
        current = opened
        routes = new Map()
        options.onMended()
      },
      error => {
        if (!session.ended) options.onFailed(error)
      },
    )
  }

  function renew(): void {
    const last = current
    open().then(
      opened => {
        if (current !== last || last.ended) return opened.close()
        current = opened
        routes = new Map()
        options.onRenewed?.()
        last.close()
      },
      () => {}, // the one there is will do
    )
  }

  current = await open()
  return {
    renew,
    get channel() {
      return current.channel
    },
    route: (exchange, key, mandatory) => {
      const id = mandatory ? `!${exchange} ${key}` : `${exchange} ${key}`
      let route = routes.get(id)
      if (route === undefined) {
        route = { channel: current.number, method: publishMethod(current.number, exchange, key, mandatory) }
        if (routes.size >= KEPT) routes = new Map()
        routes.set(id, route)
      }
      return route
    },
  }
}
