// Runs the programs of examples/ one after the other, each by the script `ci` of its package.json, or else `start`.
// Each must end by itself, with exit code 0, within a minute.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, root } from './pack.ts'

const failed: string[] = []
const names = readdirSync(join(root, 'examples')).filter(name =>
  existsSync(join(root, 'examples', name, 'package.json')),
)
for (const name of names) {
  const { scripts = {} } = readJson<{ scripts?: Record<string, string> }>('examples', name, 'package.json')
  const script = ['ci', 'start'].find(candidate => scripts[candidate] !== undefined)
  // What needs a broker and a browser has a test of its own.
  if (script === undefined) continue
  const { status, error, stdout, stderr } = spawnSync('pnpm', ['run', script], {
    cwd: join(root, 'examples', name),
    encoding: 'utf8',
    timeout: 60_000,
  })
  console.log(`${status === 0 ? 'passed' : 'FAILED'} ${name}`)
  if (status === 0) continue
  failed.push(name)
  console.log(`${error?.message ?? `exit code ${status}`}; printed:\n${stdout}${stderr}`)
}
if (names.length === 0) throw new Error('there are no examples')
process.exitCode = failed.length > 0 ? 1 : 0
