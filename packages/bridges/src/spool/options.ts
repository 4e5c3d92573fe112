/** How what a sink cannot take is kept on disk. */
export interface SpoolOptions {
  /** The folder of this bridge's store, which is made if need be. No two bridges may share one. */
  readonly path: string

  /** Bytes of all messages together. @default 1 GiB */
  readonly maxBytes?: number | undefined

  /** @default 1_000_000 */
  readonly maxMessages?: number | undefined

  /** Milliseconds after which a message that could not be sent is dropped, and counted. @default Infinity */
  readonly maxAge?: number | undefined

  /**
   * What happens when it is full: the oldest message makes place, the new one is dropped, or, for reliable messages, the
   * new one stays with its broker, unacknowledged, until there is room (`'block'`).
   *
   * @default 'block', and 'drop-oldest' for messages that are not read as reliable
   */
  readonly whenFull?: 'block' | 'drop-oldest' | 'drop-newest' | undefined

  /**
   * Waits until the disk itself has what was written: nothing is lost when the power fails, and each write takes as long as
   * the disk does. Without it a message survives the death of the process, SIGKILL included.
   *
   * @default false
   */
  readonly sync?: boolean | undefined
}
