import type { Value } from '../payload.ts'
import type { Deed, Row } from '../rows.ts'

/** A library under test, reduced to what the rows do. Every verb opens a connection of its own. */
export interface Peer {
  readonly name: string

  /** What a call, an event and a confirmed message are worth with it. */
  readonly semantics: Readonly<Partial<Record<Deed, Semantics>>>

  /** Serves calls, or goals that send ten feedbacks, answering with what was sent. Resolves when the broker has confirmed. */
  serve(url: string, onValue: (value: Value) => void, row: Row): Promise<void>

  /** A function that sends a call, or a goal whose ten feedbacks it has awaited too when it resolves. */
  caller(url: string, row: Row): Promise<(value: Value) => Promise<Value>>

  /** Subscribes to what `patternOf` says, as a member of the row's group if there is one. */
  subscribe(url: string, onValue: (value: Value) => void, row: Row): Promise<void>

  /** What it returns is awaited before the next message: backpressure or, if the row wants it, the broker's word. */
  publisher(url: string, row: Row): Promise<(value: Value, topic: number) => Promise<void> | void>
}

/** Quotients are taken between peers of one class and no others. */
export interface Semantics {
  /**
   * - `best-effort`: sent, and no more is known;
   * - `confirmed`: the broker has said that it has it;
   * - `acked`: the broker keeps it until the handler is done.
   */
  readonly class: 'best-effort' | 'confirmed' | 'acked'
  readonly about: string
}

/** Names of a peer's own, since all of them are connected at the same time. */
export function namesOf(peer: string): { readonly call: string; readonly events: string } {
  return { call: `bench.${peer}.call`, events: `bench.${peer}.events` }
}

/** The topic of that number: all of a row's are under one pattern, or it is the only one. */
export function topicOf(base: string, { topics }: Row, index: number): string {
  return topics === undefined ? base : `${base}.${index}`
}

/** What a subscriber of the row subscribes to, in commlib's grammar. */
export function patternOf(base: string, { topics }: Row): string {
  return topics === undefined ? base : `${base}.*`
}
