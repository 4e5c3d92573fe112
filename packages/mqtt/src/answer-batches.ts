import type { Driver, Frame } from '@commlib/core/internal'
import { Batches, isSmall, readBatch } from './batches.ts'
import { isJson, JSON_CONTENT } from './packet.ts'

/** Begins the token of a return address whose owner takes batches, which come to the address that ends with it. */
const MARK = '_'

const MARK_CODE = MARK.charCodeAt(0)

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
      const answers = new Batches({
        alone: ({ address, frame }) => link.push(address, frame),
        together: (root, body) => link.push(root, { body, ...JSON_CONTENT }),
      })
      // MQTT 3.1.1 does not tell how large a packet may be: over one that is too large, the connection ends.
      const alone = driver.supports.headers === 'never'
      const share = (address: string, frame: Frame): Promise<void> | undefined => {
        const from = address.lastIndexOf('.') + 2
        if (alone || address.charCodeAt(from - 1) !== MARK_CODE || !address.startsWith('rpc-')) return undefined
        const token = address.slice(from)
        return isPlain(frame, token) ? answers.add(address.slice(0, from), { address, token, frame }) : undefined
      }
      return {
        ...link,
        push: (queue, frame, how) => share(queue, frame) ?? link.push(queue, frame, how),
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
          answers.flush()
          return link.close()
        },
      }
    },
  }
}

/** Whether nothing is said of it but its body and its call. */
function isPlain(frame: Frame, token: string): boolean {
  const { correlationId, headers, replyTo, expiry } = frame
  return (
    isSmall(frame) &&
    (correlationId === undefined || correlationId === token) &&
    isJson(frame) &&
    headers === undefined &&
    replyTo === undefined &&
    expiry === undefined
  )
}
