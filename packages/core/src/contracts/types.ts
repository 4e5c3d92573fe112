import type { EventContract } from './event.ts'
import type { RpcContract } from './rpc.ts'
import type { TopicContract } from './topic.ts'

/** What a subscriber of this contract receives. */
export type MessageOf<C> = C extends TopicContract<unknown, infer Out> | EventContract<unknown, infer Out> ? Out : never

/** What a publisher of this contract sends. */
export type InputOf<C> = C extends TopicContract<infer In, unknown> | EventContract<infer In, unknown> ? In : never

/** What a handler of this contract receives. */
export type RequestOf<C> = C extends RpcContract<infer T> ? T['requestOut'] : never

/** What a caller of this contract receives. */
export type ResponseOf<C> = C extends RpcContract<infer T> ? T['responseOut'] : never
