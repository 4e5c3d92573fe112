import type { Inbox, ReplyListener } from '@commlib/core/internal'
import type { Addresses } from './addresses.ts'
import type { Send } from './connection.ts'
import { Leftovers } from './leftovers.ts'
import type { Source } from './list-reader.ts'
import type { ListReaders } from './list-readers.ts'

export interface InboxOptions {
  readonly addresses: Addresses
  readonly readers: ListReaders
  readonly send: Send

  /** Whether a body may be that large; tells if not. */
  readonly fits: (address: string, body: Buffer) => boolean
  readonly onError: (error: unknown) => void
}

/** Milliseconds after which a call is also awaited on a list of its own, where commlib-py answers. */
const PATIENCE = 50

/** Milliseconds that calls are awaited there at once after an answer has come that way. */
const LEARNED = 10_000

/** Milliseconds that a list is still emptied after its call has ended without an answer. */
const LATE = 10_000

/** Lists of such calls at a time. */
const MAX_LATE = 1000

/** Calls' own lists that are read at the same time; with more, each gets its turn. */
const WINDOW = 128

const SPACE = 0x20

/** Receives answers: ours on the shared list, with the call's token before them; those of commlib-py on the call's own. */
export async function openInbox(onReply: ReplyListener, options: InboxOptions): Promise<Inbox> {
  const { addresses, readers, send, fits, onError } = options
  const { root } = addresses

  /** Calls that nothing is known of yet, the oldest first, and since when. */
  const young = new Map<string, number>()

  /** Calls whose own list is read too. */
  const old = new Set<string>()

  /** Calls that have ended without an answer, and until when their own list is emptied. */
  const late = new Map<string, number>()
  const leftovers = new Leftovers(send)
  let learnedUntil = 0

  /** Whether own lists are read now: an answer on the shared one shows who answers, and many lists take long to name. */
  let attentive = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const source: Source = {
    keys: () => {
      if (!attentive || (old.size === 0 && late.size === 0)) return shared
      const tokens = [...first(old.keys(), WINDOW), ...first(late.keys(), WINDOW)]
      return [root, ...tokens.map(addresses.of)]
    },
    room: () => Infinity,
    // One of them is the call that the last answer has led to.
    busy: () => young.size > 1 && performance.now() >= learnedUntil,
    take: (key, items) => {
      if (key === root) {
        attentive = performance.now() < learnedUntil
        arm()
        for (const item of items) {
          const end = item.indexOf(SPACE)
          deliver(addresses.tokenOf(item.toString('latin1', 0, Math.max(end, 0))), item.subarray(end + 1))
        }
        return
      }
      learnedUntil = performance.now() + LEARNED
      const token = addresses.tokenOf(key.slice(root.length + 1))
      for (const item of items) deliver(token, item)
    },
  }
  const shared = [root]

  function deliver(token: string, body: Buffer): void {
    young.delete(token)
    old.delete(token)
    late.delete(token)
    if (!fits(root, body)) return
    try {
      onReply(token, { body })
    } catch (error) {
      onError(error)
    }
  }

  function giveUp(token: string): void {
    late.delete(token)
    leftovers.add(addresses.of(token))
  }

  function tick(): void {
    timer = undefined
    const now = performance.now()
    let grown = !attentive
    attentive = true
    for (const [token, since] of young) {
      if (since + PATIENCE > now + 1) break
      young.delete(token)
      old.add(token)
      grown = true
    }
    for (const [token, until] of late) {
      if (until > now) break
      giveUp(token)
    }
    if (old.size > WINDOW) {
      grown = true
      for (const token of first(old.keys(), WINDOW)) {
        old.delete(token)
        old.add(token)
      }
    }
    if (grown) readers.refresh(source)
    arm()
  }

  function arm(): void {
    if (timer !== undefined || closed) return
    if (young.size > 0 || old.size > WINDOW || (old.size > 0 && !attentive)) timer = setTimeout(tick, PATIENCE)
    else if (late.size > 0) timer = setTimeout(tick, LATE / 10)
    timer?.unref()
  }

  await readers.add(source)

  async function end(): Promise<void> {
    closed = true
    clearTimeout(timer)
    const keys = [root, ...[...young.keys(), ...old, ...late.keys()].map(addresses.of)]
    await readers.remove(source)
    // With its connection gone, the server lets them expire.
    for (const key of keys) send('del', [key]).catch(() => {})
    leftovers.close()
  }

  let closing: Promise<void> | undefined
  const close = () => (closing ??= end())

  return {
    reserve: token => {
      const now = performance.now()
      if (now < learnedUntil) {
        old.add(token)
        attentive = true
        readers.refresh(source)
      } else {
        young.set(token, now)
        arm()
      }
      return addresses.of(token)
    },
    release: token => {
      if (!young.delete(token) && !old.delete(token)) return
      if (late.size >= MAX_LATE) for (const token of first(late.keys(), 1)) giveUp(token)
      late.set(token, performance.now() + LATE)
      arm()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function first(tokens: Iterable<string>, count: number): string[] {
  const found: string[] = []
  for (const token of tokens) {
    if (found.length >= count) break
    found.push(token)
  }
  return found
}
