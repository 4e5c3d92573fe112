import { spawnSync } from 'node:child_process'

/** The names to look for. `COMMLIB_PYTHON` may give another, or a path. */
const CANDIDATES = [process.env['COMMLIB_PYTHON'] ?? [], 'python3.11', 'python3'].flat()

const PROBE = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])'

/** The first Python of 3.11 or newer that can make virtual environments, or why there is none. */
export function findPython(): { readonly python: string } | { readonly lacking: string } {
  const seen = CANDIDATES.map(python => {
    const { status, stdout, stderr, error } = spawnSync(python, ['-c', PROBE], { encoding: 'utf8' })
    if (status !== 0) return { python, lacking: error?.message ?? stderr.trim().split('\n').at(-1) }
    const [major = 0, minor = 0] = stdout.trim().split('.').map(Number)
    return major === 3 && minor >= 11 ? { python } : { python, lacking: `is Python ${stdout.trim()}` }
  })
  const found = seen.find(({ lacking }) => lacking === undefined)
  if (found !== undefined) return { python: found.python }
  const tried = seen.map(({ python, lacking }) => `  ${python}: ${lacking}`).join('\n')
  return {
    lacking: `commlib-py needs Python 3.11 or newer with venv (apt install python3-venv); looked for\n${tried}`,
  }
}
