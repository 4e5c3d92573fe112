import { parts, type RpcParts } from '../contracts/contract.ts'
import { assertTopic } from '../contracts/grammar.ts'
import type { DescribeRpc, RpcContract, RpcTypes } from '../contracts/rpc.ts'
import type { Schema } from '../contracts/schema.ts'
import type { ShapeOf } from '../contracts/shape.ts'
import { createRpcClient } from './rpc-client.ts'
import { createRpcService } from './rpc-service.ts'

interface RpcSchemas {
  readonly request?: Schema | undefined
  readonly response?: Schema | undefined
}

/** The `rpc` function, with or without a validator. */
export function rpcsBy(shapeOf: ShapeOf): DescribeRpc {
  // The overloads say more of the types than one signature can.
  return ((name: string, schemas: RpcSchemas = {}) =>
    rpcOf(name, { request: shapeOf(schemas.request), response: shapeOf(schemas.response) }, schemas)) as DescribeRpc
}

/** A contract out of shapes, for the calls that commlib's own protocol is made of. */
export function rpcOf<T extends RpcTypes>(
  name: string,
  shapes: RpcParts,
  { request, response }: RpcSchemas = {},
): RpcContract<T> {
  assertTopic(name)
  return {
    kind: 'rpc',
    name,
    request,
    response,
    [parts]: { ...shapes, client: createRpcClient, serve: createRpcService },
  }
}
