/** An endpoint as a node shows it. */
export interface Port {
  readonly direction: 'in' | 'out' | 'inout'
  readonly kind:
    | 'publisher'
    | 'subscriber'
    | 'rpc-client'
    | 'rpc-service'
    | 'action-client'
    | 'action-service'
    | 'event-emitter'
    | 'bridge'
  readonly name: string

  /** What it speaks, if it was made from a contract. */
  readonly contract?: unknown

  /** Messages, calls or goals that went through. */
  readonly messages: number

  /** Those that failed: did not fit their schema, or their handler threw. */
  readonly errors: number
}

/** The counting half of a {@link Port}, for the endpoint itself. */
export interface PortCounters {
  messages: number
  errors: number

  /** Takes the port off the node's list. */
  close(): void
}
