import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts the Chromium of the machine, headless and with a profile of its own. */
export async function startChromium(): Promise<Browser> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin']
  const given = process.env['COMMLIB_CHROMIUM']
  const found = given ?? folders.flatMap(folder => NAMES.map(name => join(folder, name))).find(path => existsSync(path))
  if (found === undefined || !existsSync(found)) {
    throw new Error(
      `no Chromium to test with (${given ?? `no ${NAMES.join(', ')} on the PATH`}): apt install chromium, or set COMMLIB_CHROMIUM to the path of one`,
    )
  }
  return chromium.launch({ executablePath: found, args: ARGUMENTS })
}
