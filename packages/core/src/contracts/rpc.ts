import type { Target } from '../endpoints/context.ts'
import type { RpcClient, RpcClientOptions } from '../endpoints/rpc-client.ts'
import type { RequestHandler, RpcServiceOptions } from '../endpoints/rpc-service.ts'
import type { Subscription } from '../transport.ts'
import type { parts, RpcParts } from './contract.ts'
import type { Input, Output, Schema } from './schema.ts'

/** The four types of a call: each side sends an input and receives an output. */
export interface RpcTypes {
  readonly requestIn: unknown
  readonly requestOut: unknown
  readonly responseIn: unknown
  readonly responseOut: unknown
}

/** One request, one response. */
export interface RpcContract<T extends RpcTypes = RpcTypes> {
  readonly kind: 'rpc'
  readonly name: string
  readonly request: Schema | undefined
  readonly response: Schema | undefined

  /** Types only. */
  readonly '~types'?: T

  /** @internal */
  readonly [parts]: RpcParts & {
    readonly client: <T extends RpcTypes>(
      target: Target,
      contract: RpcContract<T>,
      options?: RpcClientOptions,
    ) => RpcClient<T['requestIn'], T['responseOut']>
    readonly serve: <T extends RpcTypes>(
      target: Target,
      contract: RpcContract<T>,
      handler: RequestHandler<T['requestOut'], T['responseIn']>,
      options?: RpcServiceOptions,
    ) => Promise<Subscription>
  }
}

/**
 * Describes a call.
 *
 * commlib-py: the `rpc_name` and `msg_type` of RPCService and RPCClient.
 */
export interface DescribeRpc {
  <Request extends Schema, Response extends Schema>(
    name: string,
    schemas: { readonly request: Request; readonly response: Response },
  ): RpcContract<{
    requestIn: Input<Request>
    requestOut: Output<Request>
    responseIn: Input<Response>
    responseOut: Output<Response>
  }>
  /** Without schemas nothing is checked: the types are a promise of yours. */
  <Request = unknown, Response = unknown>(
    name: string,
  ): RpcContract<{ requestIn: Request; requestOut: Request; responseIn: Response; responseOut: Response }>
}
