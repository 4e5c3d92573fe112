/** What is watched. */
export interface WatchOptions {
  /** Milliseconds of silence after which it is asked; 0 never asks. */
  readonly keepalive: number

  /** Bytes received so far. */
  read(): number

  /** Makes the other side say something, or knows that it does so within a keepalive by itself. */
  ask(): void

  /** It may be that ask relied on the latter. */
  readonly patient: boolean

  /** It has not answered. */
  onSilent(): void
}

/** Tells when a connection has fallen silent. Returns what ends the watching. */
export function watch({ keepalive, read, ask, patient, onSilent }: WatchOptions): () => void {
  if (keepalive === 0) return () => {}
  let seen = read()
  let silent = 0
  // What is asked in one half has the next two to answer; what speaks by itself once in a keepalive has one more.
  const limit = patient ? 4 : 3
  let judging: ReturnType<typeof setImmediate> | undefined
  const timer = setInterval(() => {
    // This process itself may have been too busy to read: what has come is read before it is judged.
    judging = setImmediate(() => {
      judging = setImmediate(judge)
    })
  }, keepalive / 2)
  timer.unref()

  function judge(): void {
    const now = read()
    silent = now === seen ? silent + 1 : 0
    seen = now
    if (silent >= limit) {
      stop()
      onSilent()
    } else if (silent === 1) ask()
  }

  function stop(): void {
    clearInterval(timer)
    clearImmediate(judging)
  }

  return stop
}
