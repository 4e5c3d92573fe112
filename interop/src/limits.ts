import { expect } from 'vitest'
import type { Bench } from './bench.ts'

/** Shows that no service of it starts: on AMQP it takes its success in connecting for a failure, on Redis itself for started. */
export async function neverStarts({ peer, name, broker }: Bench): Promise<void> {
  const serving = peer.do('serve', { name, what: 'echo', patience: 1 })
  await expect(serving).rejects.toMatchObject({ name: 'TimeoutError' })
  if (broker === 'amqp') expect(peer.log()).toContain('Failed to connect to AMQP broker')
}
