import type { Argument, Connection } from './connection.ts'
import type { Body } from './resp/writer.ts'

/** What connections are for. */
export type Role = 'commands' | 'subscriber' | 'reader'

/** A connection that waits in blocking commands. */
export type Line = Pick<Connection, 'send' | 'close'>

/** What a link talks to: one server, or the nodes of a cluster. */
export interface Server {
  /**
   * Sends a command to where its keys are; what is sent in one turn goes out together.
   *
   * @param prompt one that is alone need not wait for others
   */
  send(name: string, args: Argument[], prompt?: boolean): Promise<unknown>

  /** Publishes to a channel. A message that the connection ends with is not told of. */
  publish(channel: string, body: Body, onRefused: (error: Error) => void): void

  /** `undefined` where the two may go to two servers. */
  readonly sendBoth: Connection['sendBoth'] | undefined

  /** Resolves when little enough is pending to send more. */
  room(): Promise<void>

  /** Names the server that has this key. */
  nameOf(key: string): string

  /** Milliseconds since 1970, as the server that has this key reads them off its clock. */
  now(key: string): number

  /** Whether there are several slots: a connection that reads one is not kept for the next list. */
  readonly many: boolean

  /** Keys of one slot can be read by one blocking command. */
  slotOf(key: string): number

  /** The list that wakes who reads lists in the slot of this key. */
  wakeKey(key: string): string

  /** Opens a connection to subscribe on. */
  subscriber(): Promise<Connection>

  /** Opens a connection to wait at keys of this key's slot. */
  reader(key: string): Promise<Line>

  /** Waits for what was sent, for so many milliseconds, then disconnects. */
  close(grace: number): Promise<void>
}
