import { assertTopic } from '../contracts/grammar.ts'
import type { RpcContract } from '../contracts/rpc.ts'
import type { Shape } from '../contracts/shape.ts'
import { rpcOf } from './rpc.ts'

/** How a node answers `start` and `stop`. */
export interface ControlAnswer {
  /** 0 if it was done, 1 if not. */
  readonly status: number

  /** Why it was not. */
  readonly error: string
}

/** A call that stops or starts a node. */
export type ControlContract = RpcContract<{
  requestIn: Record<string, never>
  requestOut: unknown
  responseIn: ControlAnswer
  responseOut: ControlAnswer
}>

/**
 * The calls that stop and start a node, on commlib-py too.
 *
 * commlib-py: `ctrl_services=True`.
 */
export function control(namespace: string): { readonly start: ControlContract; readonly stop: ControlContract } {
  assertTopic(namespace)
  const shapes = { request: emptyShape, response: answerShape }
  return { start: rpcOf(`${namespace}.start`, shapes), stop: rpcOf(`${namespace}.stop`, shapes) }
}

const emptyShape: Shape = { outgoing: () => ({}), incoming: value => value }

const answerShape: Shape = {
  outgoing: value => value,
  incoming: value => {
    const { status, error } = (value ?? {}) as { status?: unknown; error?: unknown }
    return { status: Number(status ?? 0), error: typeof error === 'string' ? error : '' }
  },
}
