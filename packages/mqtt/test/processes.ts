import { type ChildProcess, spawn } from 'node:child_process'
import { after, eventually } from './support.ts'

/** A program in a process of its own. */
export interface Program {
  /** What it has printed, line by line. */
  readonly lines: readonly string[]

  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>

  /** Resolves when it has printed this line. */
  printed(line: string): Promise<unknown>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

const folder = (path: string) => new URL(path, import.meta.url).href

/** Runs a module with `mqtt` and core's exports in scope. Ended after the test, however it went. */
export function run(source: string): Program {
  const program = `
    import { action, createNode, rpc, topic } from '${folder('../../core/src/index.ts')}'
    import { mqtt } from '${folder('../src/index.ts')}'
    ${source}`
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return {
    lines,
    ended: new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))),
    printed: line =>
      eventually(() => {
        if (!lines.includes(line)) throw new Error(`'${line}' was not printed, but: ${lines.join(', ')}`)
      }, 10_000),
    kill: signal => void child.kill(signal),
  }
}
