import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The repository's root. */
export const root = resolve(import.meta.dirname, '..')

/** Runs a program to its end, with its output passed on, and throws when it fails. */
export function run(command: string, args: readonly string[], cwd: string = root): void {
  const { status, signal, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} in ${cwd}: ${error?.message ?? signal ?? `exit code ${status}`}`)
}

/** Runs a program to its end and returns what it printed, or throws what it complained. */
export function output(command: string, args: readonly string[], cwd: string = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000 })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}${stderr}`)
  return stdout
}

/** Makes a temporary folder that goes when the process does. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'commlib-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Packs what npm would get of every package, built before, and returns the tarballs by package name. */
export function packAll(): Map<string, string> {
  const folder = temporaryFolder()
  output('pnpm', ['-r', '--filter', './packages/*', 'pack', '--pack-destination', folder])
  return new Map(
    readdirSync(folder).map(file => {
      const tarball = join(folder, file)
      return [JSON.parse(output('tar', ['-xOzf', tarball, 'package/package.json'])).name, tarball]
    }),
  )
}

/** Makes a fresh project outside of the workspace, with the packed packages and others installed by npm. */
export function freshProject(
  tarballs: Map<string, string>,
  packages: readonly string[],
  others: readonly string[] = [],
): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const files = packages.map(name => {
    const tarball = tarballs.get(name)
    if (tarball === undefined)
      throw new Error(`no such package: '${name}'; there are ${[...tarballs.keys()].join(', ')}`)
    return tarball
  })
  output('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...files, ...others], folder)
  return folder
}

/** Reads a package's JSON file. */
export function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'))
}
