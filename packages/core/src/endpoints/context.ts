import type { Shape } from '../contracts/shape.ts'
import { type CommlibError, readable, toError } from '../errors.ts'
import type { Transport, TransportStatus } from '../transport.ts'
import { type Codec, json } from '../wire/codec.ts'
import type { WireProfile } from '../wire/profile.ts'
import { Wire } from '../wire/wire.ts'
import type { Intake } from './intake.ts'
import type { Port, PortCounters } from './port.ts'

/** Where log lines go; `console` is one. */
export interface Logger {
  /** Takes what only helps to find faults. */
  debug(message: string, ...details: unknown[]): void

  /** Takes what is worth knowing. */
  info(message: string, ...details: unknown[]): void

  /** Takes what may need attention. */
  warn(message: string, ...details: unknown[]): void

  /** Takes what went wrong. */
  error(message: string, ...details: unknown[]): void
}

/** What every endpoint needs of the node that owns it. */
export interface Context {
  readonly transport: Transport
  readonly wire: Wire
  readonly log: Logger

  /** Receives errors nobody is awaiting: a handler that threw, a message that did not fit. */
  readonly onError: (error: unknown) => void

  /** Endpoints, as a node shows them. */
  readonly ports: Set<Port>

  /** Endpoints that receive: what a node pauses, drains and closes. */
  readonly intakes: Set<Intake>

  /** Whether intakes are kept from being established. */
  paused: boolean

  /** Refuses new work, with the reason. */
  closed: CommlibError | undefined

  /** Told of every status of the transport, and of messages that endpoints dropped. */
  readonly onStatus: Set<(status: TransportStatus) => void>

  /** Tells {@link Context.onStatus}. */
  tellStatus(status: TransportStatus): void

  /** One instance of a thing that endpoints share, such as the table of pending calls. */
  share<T>(make: (context: Context) => T): T

  /** Runs when the context closes. */
  readonly closing: Set<() => Promise<void> | void>
}

/** Key under which a node keeps its {@link Context}. */
export const contextKey: unique symbol = Symbol.for('commlib.context')

/** What an endpoint is made on: a node, or a connected transport. */
export type Target = Transport | { readonly [contextKey]: Context }

export interface ContextOptions {
  /** Turns messages into bytes; all peers must use the same. @default json */
  readonly codec?: Codec | undefined

  /** The version of commlib-py whose messages are sent; each is understood. @default '0.13' */
  readonly wire?: WireProfile | undefined

  /** Bytes of the largest body that is sent or received. @default 16 MiB */
  readonly maxMessageBytes?: number | undefined

  /** Where log lines go. @default console */
  readonly log?: Logger | undefined

  /** Is told what nobody awaits: a handler that threw, a message that did not fit. @default logs it */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** 16 MiB. */
export const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024

export function createContext(transport: Transport, options: ContextOptions = {}): Context {
  const { codec = json, wire = '0.13', maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, log = console, onError } = options
  const shared = new Map<unknown, unknown>()
  const context: Context = {
    transport,
    wire: new (transport.wire ?? Wire)({
      codec,
      profile: wire,
      maxMessageBytes,
      properties: transport.supports.properties,
    }),
    log,
    onError:
      onError === undefined
        ? error => log.error(`commlib: ${readable(toError(error).message)}`, error)
        : guard(onError, log),
    ports: new Set(),
    intakes: new Set(),
    paused: false,
    closed: undefined,
    onStatus: new Set(),
    tellStatus: status => {
      for (const listener of context.onStatus) {
        try {
          listener(status)
        } catch (error) {
          context.onError(error)
        }
      }
    },
    share: make => {
      if (!shared.has(make)) shared.set(make, make(context))
      // Stored by the function that made it.
      return shared.get(make) as ReturnType<typeof make>
    },
    closing: new Set(),
  }
  return context
}

/** A handler of errors that throws must not take the process with it. */
function guard(onError: (error: unknown) => void, log: Logger): (error: unknown) => void {
  return error => {
    try {
      onError(error)
    } catch (thrown) {
      log.error('commlib: onError itself threw', thrown)
    }
  }
}

const contexts = new WeakMap<Transport, Context>()

/** The context of a node, or the one that all endpoints on a bare transport share. */
export function contextOf(target: Target): Context {
  if (contextKey in target) return target[contextKey]
  let context = contexts.get(target)
  if (context === undefined) contexts.set(target, (context = createContext(target)))
  return context
}

/** Throws why new work is refused, if it is. */
export function assertOpen({ closed }: Context): void {
  if (closed !== undefined) throw closed
}

/** Announces an endpoint, counts for it, and says what there is to know of its shapes. */
export function announce(
  { ports, log }: Context,
  description: Omit<Port, keyof PortCounters>,
  ...shapes: readonly Shape[]
): Port & PortCounters {
  const warning = shapes.find(shape => shape.warning !== undefined)?.warning
  if (warning !== undefined) log.warn(`commlib: '${description.name}' ${warning}`)
  const port = { ...description, messages: 0, errors: 0, close: () => void ports.delete(port) }
  ports.add(port)
  return port
}
