import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import type { BrokerPlace, BrokerRecipe, BrokerSignal, Engine } from './broker.ts'

/** Folders that hold servers but are not on everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin']

const KEPT_LOG = 256 * 1024

/** The path of the first of these programs that is installed. */
export async function findBinary(names: readonly string[]): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SERVER_FOLDERS]
  for (const name of names) {
    for (const path of isAbsolute(name) ? [name] : folders.map(folder => join(folder, name))) {
      const found = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (found) return path
    }
  }
  return undefined
}

/** Runs a broker as a child process in a temporary folder. */
export async function createLocalEngine(
  recipe: BrokerRecipe,
  binary: string,
  ports: Readonly<Record<string, number>>,
): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), `commlib-${recipe.kind}-`))
  const place: BrokerPlace = { in: 'process', address: '127.0.0.1', folder, ports }
  let child: ChildProcess | undefined
  let guard: ChildProcess | undefined
  let log = ''

  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  }

  const running = () => {
    if (child?.pid !== undefined && groupLives(child.pid)) return true
    // Its number may be another process's by and by.
    guard?.kill('SIGKILL')
    guard = undefined
    return false
  }

  const environment = () => ({ ...process.env, ...recipe.environment?.(place) })

  await write(recipe.files(place))

  return {
    from: 'binary',
    host: '127.0.0.1',
    write,
    running,
    log: () => log,
    processGroup: () => (running() ? child?.pid : undefined),

    async start() {
      if (running()) return
      const [program = binary, ...args] = recipe.command(binary, place)
      // A group of its own, so that a signal reaches what a start script has started.
      child = spawn(program, args, {
        cwd: folder,
        env: environment(),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          log = (log + text).slice(-KEPT_LOG)
        })
        unref(stream)
      }
      child.unref()
      const started = child
      await new Promise<void>((resolve, reject) => {
        started.once('spawn', resolve)
        started.once('error', reject)
      })
      guard = guardOf(started.pid as number, folder)
    },

    async run([program = '', ...args]) {
      return (await promisify(execFile)(program, args, { cwd: folder, env: environment() })).stdout
    },

    async signal(name: BrokerSignal) {
      if (child?.pid !== undefined) signalGroup(child.pid, name)
    },

    async remove() {
      if (child?.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
      while (running()) await new Promise(resolve => setTimeout(resolve, 5))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Kills the group and removes its data when this process is gone, however it went: its end of the pipe closes then. */
function guardOf(pid: number, folder: string): ChildProcess {
  // Without a `--`, which the kill of dash does not know.
  const guard = spawn('/bin/sh', ['-c', `read -r _; kill -KILL -${pid} 2>/dev/null; rm -rf "$0"`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  unref(guard.stdin)
  return guard
}

/** A child's pipes are sockets, which the types do not say. */
function unref(stream: unknown): void {
  ;(stream as { unref?: () => void } | null)?.unref?.()
}

function groupLives(pid: number): boolean {
  return signalGroup(pid, 0)
}

function signalGroup(pid: number, name: BrokerSignal | 0): boolean {
  try {
    process.kill(-pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
