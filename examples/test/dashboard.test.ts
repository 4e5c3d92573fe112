import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startChromium } from '../../packages/mqtt-lite/test/chromium.ts'
import { type Mosquitto, startMosquitto } from '../../packages/testing/src/index.ts'
import { start } from './programs.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ websockets: true })
})
afterAll(() => broker.close())

test('the dashboard follows the robot, asks it, sends it off and cancels', async () => {
  const robot = start('dashboard/robot.ts', { args: [broker.url] })
  await robot.printed('the robot is on')
  const server = start('dashboard/serve.ts', { args: [broker.wsUrl as string], env: { PORT: '0' } })
  await server.printed(/open http/)
  const browser = await startChromium()
  try {
    const page = await browser.newPage()
    const failures: string[] = []
    page.on('pageerror', error => void failures.push(error.message))
    await page.goto(/open (\S+)/.exec(server.output())?.[1] ?? '')
    const text = (id: string) => page.locator(id).textContent()
    const says = (id: string, what: string | RegExp) =>
      vi.waitFor(async () => expect(await text(id)).toMatch(what), 5000)

    await says('#broker', 'connected')
    await says('#robot', 'alive')
    for (const sensor of ['sonar', 'battery', 'motor']) await says(`#sensor-${sensor} p`, /^\d+\.\d (m|%|°C)$/)
    await page.click('#route')
    await says('#note', 'It is 5.0 m away.')

    const shots = process.env['COMMLIB_SCREENSHOTS']
    await page.click('#go')
    await says('#state', /^[1-9]\.\d m$/)
    for (const width of shots === undefined ? [] : [360, 1200]) {
      await page.setViewportSize({ width, height: 760 })
      await page.screenshot({ path: `${shots}/dashboard-${width}.png` })
    }
    await page.click('#cancel')
    await says('#state', /^canceled after [1-4]\.\d m$/)
    await page.click('#go')
    await says('#state', /^arrived after \d\.\d m$/)
    expect(failures).toEqual([])
  } finally {
    await browser.close()
    robot.kill('SIGTERM')
    server.kill('SIGTERM')
  }
})
