import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const examples = join(import.meta.dirname, '..')

export interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>

  /** Gives the program a terminal of this size, made by this shell command. */
  readonly terminal?: string
}

/** A program of the examples under way. */
export interface Program {
  /** What it has printed so far. */
  readonly output: () => string

  /** Resolves once it has printed this; rejects if it ends before. */
  printed(text: string | RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void

  /** Types into its terminal. */
  type(text: string): void

  /** Resolves with its exit code, and all that it has printed. */
  readonly end: Promise<{ code: number | null; stdout: string; stderr: string }>
}

const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program. It ends with the file's tests at the latest. */
export function start(path: string, { args = [], env = {}, terminal }: StartOptions = {}): Program {
  const command = [process.execPath, join(examples, path), ...args]
  const child =
    terminal === undefined
      ? spawn(command[0] ?? '', command.slice(1), { env: environment(env) })
      : // util-linux
        spawn('script', ['-qec', `${terminal}; exec ${command.join(' ')}`, '/dev/null'], { env: environment(env) })
  running.add(child)

  let stdout = ''
  let stderr = ''
  let told = () => {}
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
    told()
  })
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
  const end = closed(child).then(code => {
    running.delete(child)
    told()
    return { code, stdout, stderr }
  })

  return {
    output: () => stdout,
    kill: signal => void child.kill(signal),
    type: text => void child.stdin.write(text),
    end,
    printed: text =>
      new Promise((resolve, reject) => {
        told = () => {
          if (typeof text === 'string' ? stdout.includes(text) : text.test(stdout)) resolve()
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`${path} never printed '${text}':\n${stdout}${stderr}`))
        }
        told()
      }),
  }
}

/** Runs a program to its end. */
export function run(path: string, options?: StartOptions): Program['end'] {
  return start(path, options).end
}

async function closed(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close')
  return code
}

/** The test runner's own environment says things about colours and brokers that are not meant for the programs. */
function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env }
}
