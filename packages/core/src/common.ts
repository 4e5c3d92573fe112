// What the plain and the lean entry have in common, which is all but the validator.

// Actions
export {
  type ActionClient,
  type ActionClientOptions,
  type AttachOptions,
  createActionClient,
  type GoalOptions,
} from './actions/client.ts'
export type { GoalPolicy } from './actions/goal-board.ts'
export { GoalError, type GoalOutcome } from './actions/goal-error.ts'
export type { GoalHandle } from './actions/goal-handle.ts'
export { GoalStatus } from './actions/goal-machine.ts'
export type { GoalContext, GoalHandler } from './actions/goal-runner.ts'
export { createActionService } from './actions/service.ts'
export type { ActionServiceOptions, RetainOptions } from './actions/service-options.ts'
// Contracts
export type { ActionContract, ActionTypes, DescribeAction } from './contracts/action.ts'
export type { Delivery, EventDescription, ParamsOf } from './contracts/contract.ts'
export type { DescribeEvent, EventContract, EventOptions } from './contracts/event.ts'
export type { DescribeRpc, RpcContract, RpcTypes } from './contracts/rpc.ts'
export type { Input, Output, Schema, StandardIssue, StandardResult, StandardSchema } from './contracts/schema.ts'
export type { DescribeTopic, TopicContract } from './contracts/topic.ts'
export type { InputOf, MessageOf, RequestOf, ResponseOf } from './contracts/types.ts'
// Endpoints without a node
export type { Logger, Target } from './endpoints/context.ts'
export { type ControlAnswer, type ControlContract, control } from './endpoints/control.ts'
export { type DedupOptions, dedup } from './endpoints/dedup.ts'
export { createEventEmitter, type EventEmitter } from './endpoints/event-emitter.ts'
export {
  type Heartbeat,
  type HeartbeatInput,
  type HeartbeatOptions,
  heartbeat,
  heartbeatOn,
} from './endpoints/heartbeat.ts'
export type { EventContext, MessageContext } from './endpoints/message-context.ts'
export type { MessageHandler } from './endpoints/message-handler.ts'
export type { Port } from './endpoints/port.ts'
export {
  createPublisher,
  type Publisher,
  type PublishMessageOptions,
  type PublishTarget,
} from './endpoints/publisher.ts'
export { createRpcClient, type RpcClient, type RpcClientOptions } from './endpoints/rpc-client.ts'
export {
  createRpcService,
  type RequestContext,
  type RequestHandler,
  type RpcServiceOptions,
} from './endpoints/rpc-service.ts'
export { type CreateSubscriber, createSubscriber } from './endpoints/subscriber.ts'
export type { Subscriber } from './endpoints/subscriber-iterator.ts'
export type { Dedup, SubscriberOptions } from './endpoints/subscriber-options.ts'
// Errors
export { CommlibError, type ErrorCode, RemoteError, type RemoteFailure } from './errors.ts'
// Transports and codecs
export { type Memory, type MemoryOptions, type MemoryTransport, memory } from './memory/index.ts'
// Nodes
export type { CloseOptions, CreateNode, Node, NodeState, RunOptions } from './node.ts'
export type { NodeOptions } from './node-options.ts'
export type {
  AbortOptions,
  Frame,
  Inbox,
  PublishOptions,
  Subscription,
  Transport,
  TransportStatus,
  TransportSupports,
} from './transport.ts'
export { type TransportFactory, transportFor } from './transport-for.ts'
export type { CallOptions } from './util/abort.ts'
export { type Codec, json } from './wire/codec.ts'
export type { WireProfile } from './wire/profile.ts'
