export { bridge } from './bridge.ts'
export type {
  BackOptions,
  Bridge,
  BridgeContext,
  BridgeContract,
  BridgeCounters,
  BridgeOptions,
  CallBridgeOptions,
  CallContext,
  CallTransform,
  CommonOptions,
  Converting,
  MessageBridgeOptions,
  Naming,
  RpcBridgeOptions,
  SinkOptions,
  SourceOptions,
} from './options.ts'
export type { SpoolOptions } from './spool/options.ts'
