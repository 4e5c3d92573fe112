import { parseArgs } from 'node:util'
import { amqp } from '@commlib/amqp'
import { memory, type Transport, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'

/** The transport that the user wants: `--broker <url>`, or else COMMLIB_URL, or else none but memory. */
export function chosenTransport(): Transport {
  const { broker } = parseArgs({ options: { broker: { type: 'string' } } }).values
  const url = broker ?? process.env['COMMLIB_URL'] ?? 'memory://'
  // The scheme of the URL chooses: memory://, mqtt://, redis://, amqp:// and their like. One that is missing is named.
  return transportFor(url, [memory, mqtt, redis, amqp])
}
