import type { Reading } from '../payload.ts'

/** A library under test, reduced to what the rows do. Every verb opens a connection of its own. */
export interface Peer {
  readonly name: string

  /** What a call, an event and a confirmed message are worth with it. */
  readonly semantics: { readonly rpc: string; readonly events: string; readonly confirmed: string }

  /** Serves calls, answering with what was sent. Resolves when the broker has confirmed. */
  serve(url: string, onReading: (value: Reading) => void): Promise<void>
  caller(url: string): Promise<(value: Reading) => Promise<Reading>>

  /**
   * Subscribes at QoS 0, also to what is published at QoS 1: at QoS 1 an untouched mosquitto drops what a subscriber
   * is more than 1000 messages behind with, and rates would depend on how many it dropped.
   */
  subscribe(url: string, onReading: (value: Reading) => void): Promise<void>

  /** What it returns is awaited before the next message: backpressure or, if `confirmed`, the broker's word. */
  publisher(url: string, options: { readonly confirmed: boolean }): Promise<(value: Reading) => Promise<void> | void>
}

/** Names of a peer's own, since all of them are connected at the same time. */
export function namesOf(peer: string): { readonly call: string; readonly events: string } {
  return { call: `bench.${peer}.call`, events: `bench.${peer}.events` }
}
