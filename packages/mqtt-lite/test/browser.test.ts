import { setTimeout as sleep } from 'node:timers/promises'
import { action, createNode, GoalStatus, type Node, rpc, topic } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { contractsBy } from './browser/contracts.ts'
import type { Program } from './browser/program.ts'
import { startChromium } from './chromium.ts'

declare const program: Program

const { Sensor, Order, Add, Title, Move } = contractsBy({ topic, rpc, action })
let browser: Browser
let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ websockets: true })
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
  await broker?.close()
})

async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(`browser/${name}.ts`, import.meta.url).pathname],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

describe.each([
  ['@commlib/mqtt', 'mqtt'],
  ['@commlib/mqtt-lite and lean core', 'lite'],
])('a page with %s', (_, name) => {
  let script: string
  let page: Page
  let robot: Node
  const orders: string[] = []
  beforeAll(async () => {
    script = await bundle(name)
  })
  beforeEach(async () => {
    orders.length = 0
    robot = await createNode({ name: 'robot', transport: mqtt(broker.url), heartbeat: false, onError: () => {} })
    await robot.subscribe(Order, ({ text }) => void orders.push(text))
    await robot.serve(Add, ({ a, b }) => ({ sum: a + b }))
    await robot.serve(Move, async function* ({ metres }, { signal }) {
      let walked = 0
      while (walked < metres && !signal.aborted) {
        yield { walked: ++walked }
        await sleep(5)
      }
      return { walked }
    })
    page = await browser.newPage()
    await page.addScriptTag({ content: script })
    await page.evaluate(url => program.start(url), broker.wsUrl as string)
  })
  afterEach(async () => {
    await page.evaluate(() => program.close())
    await page.close()
    await robot.close()
  })

  async function talks(mark: number): Promise<void> {
    await robot.publisher(Sensor).publish({ value: mark }, { params: { sensor: 'sonar' }, reliable: true })
    await vi.waitFor(async () => expect(await page.evaluate(() => program.seen().sensors)).toContain(`sonar ${mark}`))
    await page.evaluate(text => program.order(text), `order ${mark}`)
    await vi.waitFor(() => expect(orders).toContain(`order ${mark}`))
    expect(await page.evaluate(b => program.add(1, b), mark)).toBe(1 + mark)
    expect(await robot.client(Title)({}, { timeout: 2000 })).toEqual({ title: 'a page' })
  }

  it('publishes, hears a pattern, calls and is called', async () => {
    await talks(1)
    const { statuses, errors } = await page.evaluate(() => program.seen())
    expect({ statuses, errors }).toEqual({ statuses: ['connected'], errors: [] })
  })

  it('sends and hears what is long', async () => {
    await talks(1)
    const long = 'é'.repeat(50_000)
    await page.evaluate(text => program.order(text), long)
    await vi.waitFor(() => expect(orders).toContain(long))
  })

  it('sends a goal, follows it and cancels another', async () => {
    expect(await page.evaluate(() => program.move(3))).toEqual({ feedback: [1, 2, 3], walked: 3 })
    const { status, walked } = await page.evaluate(() => program.cancel())
    expect(status).toBe(GoalStatus.CANCELED)
    expect(walked).toBeGreaterThanOrEqual(2)
  })

  it('is back when the broker is', async () => {
    await talks(1)
    await broker.stop()
    await vi.waitFor(async () => expect(await page.evaluate(() => program.seen().statuses)).toContain('disconnected'))
    await broker.start()
    const connected = () => page.evaluate(() => program.seen().statuses.filter(type => type === 'connected').length)
    await vi.waitFor(async () => expect(await connected()).toBe(2), { timeout: 5000 })
    await vi.waitFor(() => talks(2), { timeout: 5000, interval: 100 })
    expect(await page.evaluate(() => program.move(2))).toEqual({ feedback: [1, 2], walked: 2 })
  })
})
