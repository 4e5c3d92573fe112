import { describe } from 'vitest'
import type { ComplianceOptions } from './bench.ts'
import { testDelivery } from './delivery.ts'
import { testDurable } from './durable.ts'
import { testErrors } from './errors.ts'
import { testInbox } from './inbox.ts'
import { testLifecycle } from './lifecycle.ts'
import { testNodes } from './nodes/index.ts'
import { testPatterns } from './patterns.ts'
import { testQueues } from './queues.ts'
import { testReconnect } from './reconnect.ts'
import { testTopics } from './topics.ts'

/**
 * What every transport must do, and what it claims to do in `supports`. Call it at the top of a vitest file.
 *
 * What is claimed is tested; what is not must fail with the code `UNSUPPORTED`. `testNodes` is part of it.
 */
export function testTransport(options: ComplianceOptions): void {
  describe(options.name, { timeout: 30_000 }, () => {
    describe('topics', () => testTopics(options))
    describe('patterns', () => testPatterns(options))
    describe('delivery', () => testDelivery(options))
    describe('durable subscriptions', () => testDurable(options))
    describe('queues', () => testQueues(options))
    describe('an inbox', () => testInbox(options))
    describe('a transport', () => testLifecycle(options))
    const { broker } = options
    if (broker === undefined) return
    describe('connecting', () => testErrors({ ...options, broker }))
    describe('reconnecting', () => testReconnect({ ...options, broker }))
  })
  testNodes(options)
}
