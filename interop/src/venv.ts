import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findPython } from './python.ts'
import { requirements, type Version } from './versions.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '.venv')

/** The Python of a virtual environment that has this commlib-py: made once, then used again. */
export async function ensureVenv(version: Version): Promise<string> {
  const folder = join(root, version)
  const python = pythonOf(folder)
  const wanted = [`commlib-py==${version}`, ...requirements[version]]
  const marker = join(folder, 'installed.txt')
  const made = () => existsSync(marker) && readFileSync(marker, 'utf8') === wanted.join('\n')
  if (made()) return python
  mkdirSync(root, { recursive: true })
  await exclusively(`${folder}.lock`, async () => {
    // Another process may have made it meanwhile.
    if (made()) return
    const found = findPython()
    if ('lacking' in found) throw new Error(found.lacking)
    await twice(() => make(found.python, folder, wanted))
    writeFileSync(marker, wanted.join('\n'))
  })
  return python
}

function pythonOf(folder: string): string {
  return join(folder, 'bin', 'python')
}

async function make(base: string, folder: string, wanted: readonly string[]): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  await run(base, ['-m', 'venv', folder])
  const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar=off', ...wanted]
  await run(pythonOf(folder), args, { maxBuffer: 2 ** 26 })
}

async function twice(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch {
    // An index may fail once.
    await work().catch((error: { message: string; stdout?: string; stderr?: string }) => {
      const tail = `${error.stdout ?? ''}\n${error.stderr ?? ''}`.trim().split('\n').slice(-20).join('\n')
      throw new Error(`no virtual environment: ${error.message.split('\n')[0]}\n${tail}`)
    })
  }
}

/** Test files run in processes of their own, and may want the same environment. */
async function exclusively(lock: string, work: () => Promise<void>): Promise<void> {
  while (!claim(lock)) await delay(100)
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function claim(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!alive(lock)) rmSync(lock, { force: true })
    return false
  }
}

/** Whether who holds it still runs. */
function alive(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // It is written right after it is made.
    if (pid > 0) process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
