import { expect, it, vi } from 'vitest'
import { topic } from '../src/index.ts'
import { type LogRecord, remoteLogger } from '../src/logging.ts'
import { testNode } from './support/nodes.ts'

it('publishes log records for others to read', async () => {
  const [robot, operator] = [await testNode({ name: 'robot' }), await testNode()]
  const records: LogRecord[] = []
  await operator.subscribe(topic<LogRecord>('robot.log'), record => records.push(record))
  const local = { ...console, warn: vi.fn() }
  const log = remoteLogger(robot, { local })
  log.warn('battery', { percent: 5 }, new Error('low'))
  await vi.waitFor(() =>
    expect(records).toMatchObject([{ level: 'warn', message: 'battery {"percent":5} low', node: 'robot' }]),
  )
  expect(local.warn).toHaveBeenCalled()
})

it('never throws, even when the node is closed', async () => {
  const node = await testNode()
  const log = remoteLogger(node)
  await node.close()
  const circular: { self?: unknown } = {}
  circular.self = circular
  log.error('late', circular)
})
