import type { Send } from './connection.ts'

/** Milliseconds after which the server is asked again: clocks run at different speeds. */
const STALE = 60_000

/** The server's clock, the one that both ends of a message can read. */
export interface Clock {
  /** Milliseconds since 1970, as the server has them, within the time of a round trip. */
  now(): number
}

/** Reads the server's clock, and again by and by while it is used. */
export async function readClock(send: Send): Promise<Clock> {
  let offset = 0
  let read = 0

  async function sync(): Promise<void> {
    const before = performance.now()
    read = before
    const [seconds, micros] = (await send('time', [])) as [Buffer, Buffer]
    const now = performance.now()
    offset = Number(seconds) * 1000 + Number(micros) / 1000 - (before + now) / 2
  }

  await sync()
  return {
    now: () => {
      const now = performance.now()
      // What it costs is one command a minute; whoever asks does not wait for it.
      if (now - read > STALE) sync().catch(() => {})
      return now + offset
    },
  }
}
