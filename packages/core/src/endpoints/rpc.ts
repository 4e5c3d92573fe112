import { parts, type RpcShapes } from '../contracts/contract.ts'
import { assertTopic } from '../contracts/grammar.ts'
import type { DescribeRpc, RpcContract, RpcTypes } from '../contracts/rpc.ts'
import type { Schema } from '../contracts/schema.ts'
import type { ShapeOf } from '../contracts/shape.ts'
import type { OptionCheck } from '../util/options.ts'
import { createRpcClient } from './rpc-client.ts'
import { createRpcService } from './rpc-service.ts'

interface RpcSettings {
  readonly request?: Schema | undefined
  readonly response?: Schema | undefined
  readonly check?: OptionCheck | undefined
}

/** The `rpc` function, with or without a validator. */
export function rpcsBy(shapeOf: ShapeOf, check?: OptionCheck): DescribeRpc {
  // The overloads say more of the types than one signature can.
  return ((name: string, { request, response }: RpcSettings = {}) =>
    rpcOf(
      name,
      { request: shapeOf(request), response: shapeOf(response) },
      { request, response, check },
    )) as DescribeRpc
}

/** A contract out of shapes, for the calls that commlib's own protocol is made of. */
export function rpcOf<T extends RpcTypes>(
  name: string,
  shapes: RpcShapes,
  { request, response, check }: RpcSettings = {},
): RpcContract<T> {
  assertTopic(name)
  return {
    kind: 'rpc',
    name,
    request,
    response,
    [parts]: { ...shapes, check, client: createRpcClient, serve: createRpcService },
  }
}
