import type { Context } from '../endpoints/context.ts'

/**
 * A context for the calls and topics that an action is made of: it shares the connection, but shows no ports, and what
 * receives on it is paused, drained and closed by the action. It stays open until the action has told how its goals
 * ended.
 */
export function innerContext(context: Context, { paused }: { readonly paused?: boolean } = {}): Context {
  return Object.create(context, {
    ports: { value: new Set() },
    intakes: { value: new Set() },
    closed: { value: undefined },
    // Otherwise it is paused whenever its node is.
    ...(paused === undefined ? {} : { paused: { value: paused } }),
  })
}
