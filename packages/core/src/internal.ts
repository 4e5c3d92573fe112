// For transports and sibling packages. Not covered by semver.
export { innerContext } from './actions/inner-context.ts'
export { actionProtocol, type GoalQuery, type GoalReply, HEAD_START, STORING } from './actions/protocol.ts'
export type {
  Driver,
  Link,
  LinkEvents,
  LinkSubscribeOptions,
  LinkSubscription,
  OpenOptions,
} from './connection/link.ts'
export { Losses } from './connection/losses.ts'
export { assertOfflineBuffer, type OfflineBufferOptions } from './connection/offline-buffer.ts'
export { type ReconnectingOptions, reconnecting } from './connection/reconnecting.ts'
export { whyNot } from './connection/why-not.ts'
export { parts, type RpcParts, type RpcShapes, type TopicParts } from './contracts/contract.ts'
export {
  assertTopic,
  compilePattern,
  escapeSegment,
  isInternal,
  isPattern,
  matcher,
  type Pattern,
} from './contracts/grammar.ts'
export { PatternIndex } from './contracts/pattern-index.ts'
export type { Shape } from './contracts/shape.ts'
export { announce, assertOpen, type Context, contextKey, contextOf, type Target } from './endpoints/context.ts'
export { type Intake, openIntake } from './endpoints/intake.ts'
export type { Port, PortCounters } from './endpoints/port.ts'
export { rpcOf } from './endpoints/rpc.ts'
export { createRpcClient, type InternalCallOptions } from './endpoints/rpc-client.ts'
export { createRpcService, type InternalRequestContext } from './endpoints/rpc-service.ts'
export { withTopic } from './endpoints/with-topic.ts'
export { BRIDGED, CommlibError, codeOf, type ErrorCode, toError } from './errors.ts'
export type * from './transport.ts'
export type { TransportFactory } from './transport-for.ts'
export { raceSignal } from './util/abort.ts'
export { lentReads, takeReads } from './util/lent-reads.ts'
export { assertOptions, type OptionCheck, type Rule, type Rules, show } from './util/options.ts'
export { HIGH_WATER, Output, type Sink, UNCOPIED } from './util/output.ts'
export { Pieces } from './util/pieces.ts'
export { Queue } from './util/queue.ts'
export { ReadRests } from './util/read-rests.ts'
export { renewed } from './util/renewed.ts'
export { subscription } from './util/subscription.ts'
export { randomId } from './util/token.ts'
export { Turns } from './util/turns.ts'
export { type Codec, json } from './wire/codec.ts'
export { bodySize, type LongText, TextWire } from './wire/text-wire.ts'
export { notAMessage, type Request, type Wire, type WireClass } from './wire/wire.ts'
