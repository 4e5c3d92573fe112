import type { Frame } from '@commlib/core/internal'
import type { Message } from 'amqplib'

/** What a delivered message carries. Other programs may write anything into its properties. */
export function frameOf({ content, properties }: Message): Frame {
  const { contentType, contentEncoding, correlationId, replyTo, expiration, headers } = properties
  return {
    body: content,
    contentType,
    contentEncoding,
    correlationId,
    replyTo,
    expiry: expiration === undefined ? undefined : millisecondsOf(expiration),
    headers: headers === undefined ? undefined : textsOf(headers),
  }
}

function millisecondsOf(expiration: unknown): number | undefined {
  const milliseconds = Number(expiration)
  return milliseconds >= 0 ? milliseconds : undefined
}

/** Headers are texts; a number or a flag of another program is made one, and what has parts is left out. */
function textsOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (typeof value === 'string') texts[name] = value
    else if (typeof value === 'number' || typeof value === 'boolean') texts[name] = String(value)
  }
  return texts
}
