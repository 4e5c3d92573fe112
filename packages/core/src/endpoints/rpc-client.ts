import { parts } from '../contracts/contract.ts'
import type { RpcContract, RpcTypes } from '../contracts/rpc.ts'
import { CommlibError } from '../errors.ts'
import type { Inbox } from '../transport.ts'
import type { CallOptions } from '../util/abort.ts'
import { createCalls } from './calls.ts'
import { announce, assertOpen, contextOf, type Target } from './context.ts'

/**
 * Calls a service: `const { sum } = await add({ a: 1, b: 2 })`.
 *
 * Rejects with `TIMEOUT`, with `NO_SERVICE` where the broker can tell that nobody serves, with a `RemoteError` if
 * the handler threw, and with the signal's reason if it aborts.
 *
 * commlib-py: `RPCClient.call`; each call has a return address of its own, so any number may be in flight.
 */
export interface RpcClient<Request, Response> {
  (request: Request, options?: CallOptions): Promise<Response>

  /** Takes it off the node's ports. There is nothing else to close: the connection is the node's. */
  close(): void
}

/** Options of {@link createRpcClient}. */
export interface RpcClientOptions {
  /**
   * Milliseconds to wait for an answer, unless a call says otherwise.
   *
   * @default 10_000
   */
  readonly timeout?: number | undefined

  /**
   * Calls in flight on this connection, past which a call fails with `BUFFER_FULL`.
   *
   * @default 100_000
   */
  readonly maxPending?: number | undefined
}

export const DEFAULT_TIMEOUT = 10_000

/** What a call of commlib's own protocol says beside its request. */
export interface InternalCallOptions extends CallOptions {
  readonly goalId?: string | undefined
  readonly hops?: string | undefined
}

const NONE: InternalCallOptions = {}

/** Where a caller tells a service that it no longer waits. */
export function cancelTopic(rpc: string): string {
  return `${rpc}._cancel`
}

/**
 * Makes a client on a node or a connected transport.
 *
 * commlib-py: `create_rpc_client`.
 */
export function createRpcClient<T extends RpcTypes>(
  target: Target,
  contract: RpcContract<T>,
  options: RpcClientOptions = {},
): RpcClient<T['requestIn'], T['responseOut']> {
  const { request: requestShape, response: responseShape, check } = contract[parts]
  check?.('client', options)
  const { timeout: defaultTimeout = DEFAULT_TIMEOUT, maxPending = 100_000 } = options
  const context = contextOf(target)
  const { transport, wire } = context
  const { name } = contract
  const description = { direction: 'out', kind: 'rpc-client', name, contract } as const
  const port = announce(context, description, requestShape, responseShape)
  const calls = context.share(createCalls)
  const { noService } = transport.supports
  const { served } = calls

  function send(data: unknown, timeout: number, { signal, goalId, hops }: InternalCallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (calls.size >= maxPending) {
        throw new CommlibError('BUFFER_FULL', `${calls.size} calls are in flight (maxPending ${maxPending})`)
      }
      const token = calls.token()
      const end = () => {
        signal?.removeEventListener('abort', onAbort)
        calls.remove(token)
      }
      const fail = (error: unknown) => {
        end()
        port.errors++
        reject(error)
      }
      const onAbort = () => {
        fail(signal?.reason)
        const cancel = wire.message({ correlation_id: token })
        transport.publish(cancelTopic(name), cancel).catch(context.onError)
      }
      const push = (inbox: Inbox, ready: unknown) => {
        const meta = { replyTo: inbox.reserve(token), correlationId: token, timeout: Math.ceil(timeout), goalId, hops }
        // Where telling costs a confirmation, the first call pays for it, and the first after a timeout.
        const mandatory = noService === 'confirmed' && !served.has(name)
        const how = mandatory || signal ? { mandatory, signal } : undefined
        const sent = transport.push(name, wire.request(ready, meta), how)
        if (mandatory) sent.then(() => served.add(name), fail)
        else sent.catch(fail)
      }
      calls.add(token, {
        name,
        timeout,
        deadline: performance.now() + timeout,
        onReply: frame => {
          end()
          try {
            resolve(responseShape.incoming(wire.readResponse(frame)))
          } catch (error) {
            port.errors++
            reject(error)
          }
        },
        onClosed: fail,
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        if (calls.inbox !== undefined && !(data instanceof Promise)) push(calls.inbox, data)
        // The first call of a connection also waits for its return address, within the same deadline.
        else {
          Promise.all([calls.open(), data])
            .then(([inbox, ready]) => {
              if (calls.has(token)) push(inbox, ready)
            })
            .catch(fail)
        }
      } catch (error) {
        fail(error)
      }
    })
  }

  function call(request: unknown, callOptions: InternalCallOptions = NONE): Promise<unknown> {
    try {
      assertOpen(context)
      if (callOptions !== NONE) check?.('call', callOptions)
      const { timeout = defaultTimeout, signal } = callOptions
      signal?.throwIfAborted()
      port.messages++
      return send(requestShape.outgoing(request), timeout, callOptions)
    } catch (error) {
      port.errors++
      return Promise.reject(error)
    }
  }

  return Object.assign(call as RpcClient<T['requestIn'], T['responseOut']>, { close: () => port.close() })
}
