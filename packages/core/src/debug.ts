import type { Frame, Transport } from './transport.ts'

const SHOWN = 200
const SECRET = /("[^"]*(?:password|secret|token|api_?key|authorization)[^"]*"\s*:\s*)("(?:[^"\\]|\\.)*"|[^,}\]]+)/gi
const decoder = new TextDecoder()

/** Logs every frame that passes, with its address, size and peer; values are shortened, and secrets left out. */
export function debugTransport(transport: Transport, log: (line: string) => void): Transport {
  const { name } = transport
  const tell = (verb: string, address: string, { body, replyTo, correlationId }: Frame) => {
    const reply = replyTo === undefined ? '' : ` reply to ${replyTo}`
    const correlation = correlationId === undefined ? '' : ` (${correlationId})`
    log(`commlib: ${name} ${verb} ${address} ${body.length} B${reply}${correlation} ${shorten(body)}`)
  }
  return {
    name,
    supports: transport.supports,
    connect: options => transport.connect(options),
    close: () => transport.close(),
    [Symbol.asyncDispose]: () => transport.close(),
    publish: (topic, frame, options) => {
      tell('→ publish', topic, frame)
      return transport.publish(topic, frame, options)
    },
    subscribe: (pattern, onFrame, options) =>
      transport.subscribe(
        pattern,
        (topic, frame) => {
          tell('← message', topic, frame)
          return onFrame(topic, frame)
        },
        options,
      ),
    push: (queue, frame, options) => {
      tell('→ push', queue, frame)
      return transport.push(queue, frame, options)
    },
    pull: (queue, onFrame, options) =>
      transport.pull(
        queue,
        frame => {
          tell('← request', queue, frame)
          return onFrame(frame)
        },
        options,
      ),
    inbox: (onReply, options) =>
      transport.inbox((token, frame) => {
        tell('← reply', token, frame)
        onReply(token, frame)
      }, options),
  }
}

function shorten(body: Uint8Array): string {
  const text = decoder.decode(body.subarray(0, SHOWN * 4)).replace(SECRET, '$1"***"')
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}
