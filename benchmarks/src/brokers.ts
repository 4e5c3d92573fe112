import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface Broker {
  readonly url: string
  readonly version: string

  /** Milliseconds of processor time it has taken so far; NaN where the system does not tell. */
  cpu(): number
  stop(): Promise<void>
}

const CONFIGURATION = new URL('../mosquitto.conf', import.meta.url)

/** Starts mosquitto with the configuration that is in git, on a free port. */
export async function startMosquitto(): Promise<Broker> {
  const binary = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'].find(existsSync)
  const command = binary ?? 'mosquitto'
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'commlib-bench-'))
  const file = join(folder, 'mosquitto.conf')
  writeFileSync(file, readFileSync(CONFIGURATION, 'utf8').replace('listener 1883', `listener ${port}`))
  const child = spawn(command, ['-c', file], { stdio: 'ignore' })
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`cannot start mosquitto, which the MQTT rows need (apt install mosquitto): ${error}`)
  })
  failed.catch(() => {})
  await Promise.race([failed, listening(port, () => child.exitCode)])
  return {
    url: `mqtt://127.0.0.1:${port}`,
    version: versionOf(command),
    cpu: () => processorTimeOf(child.pid),
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

function processorTimeOf(pid: number | undefined): number {
  try {
    // Linux: nanoseconds on a processor, nanoseconds waiting for one, slices.
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return Number.NaN
  }
}

function versionOf(command: string): string {
  const help = execFileSync('sh', ['-c', '"$0" -h || true', command], { encoding: 'utf8' })
  return /mosquitto version (\S+)/.exec(help)?.[1] ?? 'of an unknown version'
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function listening(port: number, exitCode: () => number | null): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await wait(20)) {
    if (exitCode() !== null) throw new Error(`mosquitto ended with code ${exitCode()}`)
    const socket = connect(port, '127.0.0.1')
    const reached = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (reached) return
  }
  throw new Error('mosquitto does not listen after 10 s')
}
