import { CommlibError, type Driver, type Frame, type Link, Turns } from '@commlib/core/internal'
import { isJson, JSON_CONTENT, writeShort, writeText } from './packet.ts'
import { short, text } from './reader.ts'
import { defer } from './writer.ts'

/** Begins the token of a return address whose owner takes batches, which come to the address that ends with it. */
const MARK = '_'

/** Bytes of a batch, so that it is far from any broker's limit. */
export const MAX_BATCH = 8 * 1024

/** Bytes of an answer's body, from which on it is its own packet. */
const LARGE = 1024

/** A token's and a body's length, before each of them. */
const LENGTHS = 4

const MARK_CODE = MARK.charCodeAt(0)

interface Answer {
  readonly address: string
  readonly token: string
  readonly frame: Frame
}

interface Batch {
  readonly answers: Answer[]
  bytes: number
  readonly sent: Promise<void>
  settle(sent: Promise<void>): void
}

/**
 * Sends the answers to one caller that are ready at the same time in one packet, and takes such packets: with many calls in
 * flight, half of what client, broker and service do for a call is done once for all of them.
 */
export function batchAnswers(driver: Driver): Driver {
  return {
    ...driver,
    replyTo: token => driver.replyTo(MARK + token),
    open: async (events, options) => {
      const link = await driver.open(events, options)
      // MQTT 3.1.1 does not tell how large a packet may be: over one that is too large, the connection ends.
      const answers = driver.supports.headers === 'never' ? undefined : new AnswerBatches(link.push)
      return {
        ...link,
        push: (queue, frame, how) => answers?.add(queue, frame) ?? link.push(queue, frame, how),
        inbox: async (onReply, how) => {
          const inbox = await link.inbox((token, frame) => {
            if (token === MARK) readBatch(frame.body, onReply)
            else if (token.startsWith(MARK)) onReply(token.slice(MARK.length), frame)
          }, how)
          return {
            ...inbox,
            reserve: token => inbox.reserve(MARK + token),
            release: token => inbox.release(MARK + token),
          }
        },
        close: () => {
          answers?.flush()
          return link.close()
        },
      }
    },
  }
}

/** Collects answers for as long as what is under way takes, promises included. */
class AnswerBatches {
  readonly #push: Link['push']

  /** By what the addresses begin with, mark included. */
  readonly #batches = new Map<string, Batch>()
  readonly #turns = new Turns()

  constructor(push: Link['push']) {
    this.#push = push
  }

  /** Resolves when it is written; `undefined` where it cannot share a packet, or probably has none to share it with. */
  add(address: string, frame: Frame): Promise<void> | undefined {
    const from = address.lastIndexOf('.') + 2
    if (address.charCodeAt(from - 1) !== MARK_CODE || !address.startsWith('rpc-')) return undefined
    const token = address.slice(from)
    if (!isPlain(frame, token)) return undefined
    if (this.#turns.add()) {
      defer(() => this.flush())
      if (this.#turns.alone) return undefined
    }
    const root = address.slice(0, from)
    const bytes = LENGTHS + token.length + frame.body.byteLength
    let batch = this.#batches.get(root)
    if (batch !== undefined && batch.bytes + bytes > MAX_BATCH) {
      this.#send(root, batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = createBatch()
      this.#batches.set(root, batch)
    }
    batch.answers.push({ address, token, frame })
    batch.bytes += bytes
    return batch.sent
  }

  /** Sends what was collected. */
  flush(): void {
    for (const [root, batch] of this.#batches) this.#send(root, batch)
    this.#batches.clear()
    this.#turns.end()
  }

  #send(root: string, { answers, bytes, settle }: Batch): void {
    const [{ address, frame }] = answers as [Answer]
    if (answers.length === 1) settle(this.#push(address, frame))
    else settle(this.#together(root, answers, bytes))
  }

  async #together(root: string, answers: readonly Answer[], bytes: number): Promise<void> {
    try {
      await this.#push(root, { body: write(answers, bytes), ...JSON_CONTENT })
    } catch (error) {
      // A broker may take no packet of this size.
      if (!(error instanceof CommlibError) || error.code !== 'MESSAGE_TOO_LARGE') throw error
      await Promise.all(answers.map(({ address, frame }) => this.#push(address, frame)))
    }
  }
}

/** Whether nothing is said of it but its body and its call. */
function isPlain(frame: Frame, token: string): boolean {
  const { body, correlationId, headers, replyTo, expiry } = frame
  return (
    body.byteLength < LARGE &&
    (correlationId === undefined || correlationId === token) &&
    isJson(frame) &&
    headers === undefined &&
    replyTo === undefined &&
    expiry === undefined
  )
}

function createBatch(): Batch {
  let settle: Batch['settle'] = () => {}
  const sent = new Promise<void>(resolve => {
    settle = resolve
  })
  return { answers: [], bytes: 0, sent, settle }
}

function write(answers: readonly Answer[], bytes: number): Uint8Array {
  const into = new Uint8Array(bytes)
  let at = 0
  for (const { token, frame } of answers) {
    at = writeText(into, at, token)
    at = writeShort(into, at, frame.body.byteLength)
    into.set(frame.body, at)
    at += frame.body.byteLength
  }
  return into
}

/** Hands out the answers of a batch. Throws at what is none, after what could be read. */
function readBatch(body: Uint8Array, onAnswer: (token: string, frame: Frame) => void): void {
  for (let at = 0; at < body.length; ) {
    const tokenEnd = at + 2 + short(body, at)
    const bodyStart = tokenEnd + 2
    const bodyEnd = bodyStart + short(body, tokenEnd)
    if (bodyEnd > body.length) throw new Error('a batch of answers that is shorter than it says')
    onAnswer(text(body, at + 2, tokenEnd), { body: body.subarray(bodyStart, bodyEnd) })
    at = bodyEnd
  }
}
