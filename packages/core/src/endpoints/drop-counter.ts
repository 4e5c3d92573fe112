import type { Context } from './context.ts'

/** Counts what a full buffer drops, and tells: soon, and in one sum rather than one by one. */
export function dropCounter({ tellStatus }: Context, reader: string, maxBuffered: number): () => void {
  const reason = `${reader} is slower than what comes in (maxBuffered ${maxBuffered})`
  let dropped = 0
  return () => {
    if (dropped++ > 0) return
    setTimeout(() => {
      tellStatus({ type: 'messages-lost', count: dropped, reason })
      dropped = 0
    }, 100)
  }
}
