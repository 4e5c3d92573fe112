import type { Inbox, InboxOptions, ReplyListener, Subscription } from '../transport.ts'
import { renewed } from '../util/renewed.ts'
import type { Link } from './link.ts'

/** A return address that outlives its connection: the calls that are open are readied again on the next one. */
export async function openInbox(
  onReply: ReplyListener,
  replyTo: (token: string) => string,
  add: (establish: (link: Link) => Promise<Subscription>) => Promise<Subscription>,
  onReturned: InboxOptions['onReturned'],
): Promise<Inbox> {
  let open = new Set<string>()
  let current: Inbox | undefined
  const listen: ReplyListener = (token, frame) => {
    if (open.has(token)) onReply(token, frame)
  }
  const entry = await add(async link => {
    const inbox = await link.inbox(listen, { onReturned })
    for (const token of open) inbox.reserve(token)
    current = inbox
    return inbox
  })
  return {
    reserve: token => {
      open = renewed(open).add(token)
      current?.reserve(token)
      return replyTo(token)
    },
    release: token => {
      if (open.delete(token)) current?.release(token)
    },
    close: entry.close,
    [Symbol.asyncDispose]: entry.close,
  }
}
