import type { Frame } from '@commlib/core/internal'
import { replyCode } from './errors.ts'
import { frameOf } from './frame.ts'
import { latchedQueue } from './queues.ts'
import type { Session } from './session.ts'

/** Milliseconds between attempts to read what another reader is holding at the moment. */
const PAUSES = [0, 2, 5, 10, 20, 40, 80, 160, 320, 640]

/** The last latched value of a topic: read, and put back for others. */
export async function readLatched(session: Session, topic: string): Promise<Frame | undefined> {
  const { channel, close } = await session.channel()
  try {
    for (const pause of PAUSES) {
      await new Promise(resolve => setTimeout(resolve, pause))
      const message = await channel.get(latchedQueue(topic))
      if (message === false) continue
      channel.nack(message)
      return { ...frameOf(message), latched: true }
    }
    return undefined
  } catch (error) {
    // Nothing was ever latched, or it was deleted.
    if (replyCode(error) === 404) return undefined
    throw error
  } finally {
    close()
  }
}
