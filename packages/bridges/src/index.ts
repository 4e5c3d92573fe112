export { bridge } from './bridge.ts'
export type {
  BackOptions,
  Bridge,
  BridgeContext,
  BridgeContract,
  BridgeCounters,
  BridgeOptions,
  CallBridgeOptions,
  CommonOptions,
  Converting,
  MessageBridgeOptions,
  Naming,
  SinkOptions,
  SourceOptions,
} from './options.ts'
export type { SpoolOptions } from './spool/options.ts'
