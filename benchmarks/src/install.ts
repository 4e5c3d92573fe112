import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export function folderOf(name: string): URL {
  return new URL(`../peers/${name}/`, import.meta.url)
}

/** Installs a peer's own dependencies from its lock file, once. Returns why it cannot take part, if so. */
export function install(folder: string): string | undefined {
  const cwd = fileURLToPath(folderOf(folder))
  const python = existsSync(`${cwd}requirements.txt`)
  const lock = readFileSync(`${cwd}${python ? 'requirements.txt' : 'package-lock.json'}`, 'utf8')
  const marker = `${cwd}${python ? '.venv' : 'node_modules'}/.installed`
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return undefined
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
  try {
    if (python) {
      run('python3', '-m', 'venv', '.venv')
      run('.venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt')
    } else run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error')
    writeFileSync(marker, lock)
    return undefined
  } catch (error) {
    return `${folder} could not be installed and is left out: ${error instanceof Error ? error.message : error}`
  }
}
