import { describe } from 'vitest'
import type { ComplianceOptions } from '../bench.ts'
import { testActions } from './actions.ts'
import { testCalls } from './calls.ts'
import { testDedup } from './dedup.ts'
import { testDrain } from './drain.ts'
import { testHostile } from './hostile.ts'
import { testMessages } from './messages.ts'
import { testOutages } from './outages.ts'
import { testStorm } from './storm.ts'

/** What nodes promise to their users, on this transport: publish/subscribe, calls, actions, events, and outages of the broker. */
export function testNodes(options: ComplianceOptions): void {
  describe(`nodes on ${options.name}`, { timeout: 30_000 }, () => {
    describe('messages', () => testMessages(options))
    describe('a dedup window', () => testDedup(options))
    describe('calls', () => testCalls(options))
    describe('goals', () => testActions(options))
    describe('what is hostile', () => testHostile(options))
    describe('a crowd', () => testStorm(options))
    describe('closing with grace', () => testDrain(options))
    const { broker } = options
    if (broker !== undefined) describe('outages', () => testOutages({ ...options, broker }))
  })
}
