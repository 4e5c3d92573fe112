import { parts } from '../contracts/contract.ts'
import type { EventContract } from '../contracts/event.ts'
import type { PublishOptions } from '../transport.ts'
import { announce, assertOpen, type Context, contextKey, contextOf, type Target } from './context.ts'

/** Sends one event. */
export interface EventEmitter<Payload> {
  /** Resolves once the event is on its way or, if reliable, once the broker has taken responsibility. */
  emit(payload: Payload, options?: PublishOptions): Promise<void>

  /** Takes it off the node's ports. */
  close(): void
}

/**
 * Makes an emitter on a node or a connected transport.
 *
 * commlib-py: `create_event_emitter`, `EventEmitter.send_event`.
 */
export function createEventEmitter<In>(target: Target, contract: EventContract<In, unknown>): EventEmitter<In> {
  const context = contextOf(target)
  const { transport, wire } = context
  const { uri } = contract
  const { shape, check } = contract[parts]
  const port = announce(context, { direction: 'out', kind: 'event-emitter', name: uri, contract })
  return {
    emit: async (payload, options) => {
      try {
        assertOpen(context)
        if (options !== undefined) check?.('emit', options)
        const message = await shape.outgoing(payload)
        await transport.publish(uri, wire.message(message), options)
        port.messages++
      } catch (error) {
        port.errors++
        throw error
      }
    },
    close: () => port.close(),
  }
}

/** Sends an event by the one emitter that a node has for its contract. */
export function emitEvent<In>(
  target: Target,
  contract: EventContract<In, unknown>,
  payload: In,
  options?: PublishOptions,
): Promise<void> {
  return contextOf(target).share(createEventEmitters)(contract).emit(payload, options)
}

/** For {@link Context.share}: the emitters of a node, by their contract. */
function createEventEmitters(context: Context): (contract: EventContract) => EventEmitter<unknown> {
  const emitters = new WeakMap<object, EventEmitter<unknown>>()
  return contract => {
    let emitter = emitters.get(contract)
    if (emitter === undefined)
      emitters.set(contract, (emitter = createEventEmitter({ [contextKey]: context }, contract)))
    return emitter
  }
}
