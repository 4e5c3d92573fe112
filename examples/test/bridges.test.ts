import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startMosquitto, startRedis } from '../../packages/testing/src/index.ts'
import { run } from './programs.ts'

/** What its README says it prints. */
const printed = (name: string) =>
  /## Output\n\n```text\n(.*?)```/s.exec(readFileSync(join(import.meta.dirname, '..', name, 'README.md'), 'utf8'))?.[1]

describe('the bridge', () => {
  let robot: Broker
  let backend: Broker
  beforeAll(async () => {
    ;[robot, backend] = await Promise.all([startMosquitto(), startRedis()])
  })
  afterAll(() => Promise.all([robot?.close(), backend?.close()]))

  it('joins two hubs in memory', async () => {
    expect(await run('bridge/main.ts')).toEqual({ code: 0, stdout: printed('bridge'), stderr: '' })
  })

  it('joins MQTT and Redis', async () => {
    const env = { COMMLIB_MQTT_URL: robot.url, COMMLIB_REDIS_URL: backend.url }
    const { code, stdout, stderr } = await run('bridge/main.ts', { env })
    const sorted = (text = '') => text.split('\n').sort()
    // What two brokers deliver at the same time may be printed in either order.
    expect([code, stderr, sorted(stdout)]).toEqual([0, '', sorted(printed('bridge'))])
  })
})

it('the edge box loses nothing while its uplink is down', async () => {
  const { code, stdout, stderr } = await run('edge/main.ts')
  expect([code, stderr]).toEqual([0, ''])
  // When the line is noticed to be cut is the operating system's affair.
  const steps = (text = '') => text.split('\n').filter(line => !line.includes('connected'))
  expect(steps(stdout)).toEqual(steps(printed('edge')))
})
