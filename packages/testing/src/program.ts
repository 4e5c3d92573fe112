import { type ChildProcess, spawn } from 'node:child_process'
import { vi } from 'vitest'

/** A program in a process of its own. */
export interface Program {
  /** What it has printed, line by line. */
  readonly lines: readonly string[]

  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>

  /** Resolves when it has printed this line. */
  printed(line: string): Promise<void>

  /** Asks it to end, or ends it. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** Runs the text of a module in a process of its own. */
export function startProgram(source: string): Program {
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
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
      vi.waitFor(
        () => {
          if (!lines.includes(line)) throw new Error(`'${line}' was not printed, but: ${lines.join(', ')}`)
        },
        { timeout: 10_000, interval: 5 },
      ),
    kill: signal => void child.kill(signal),
  }
}
