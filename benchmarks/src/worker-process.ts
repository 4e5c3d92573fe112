import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { folderOf } from './install.ts'
import type { Answer, Command } from './worker.ts'

export interface ProcessOptions {
  /** Runs what is built instead of the sources. */
  readonly built: boolean

  /** Folder that CPU profiles are written to. */
  readonly profiles?: string | undefined
}

/** A process of its own, told what to do one command at a time. */
export interface WorkerProcess {
  /** @param patience milliseconds after which it counts as wedged */
  ask<Result>(command: Command, patience?: number): Promise<Result>
  stop(): Promise<void>
}

/** Milliseconds for what is no turn: to load, connect, subscribe, or count. */
const PATIENCE = 30_000

/** Milliseconds to write a profile and end. */
const END = 10_000

/** @param python the folder of a Python peer, whose process that is instead */
export function startWorker({ built, profiles }: ProcessOptions, name: string, python?: string): WorkerProcess {
  const flags =
    profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`]
  const { child, tell } = python === undefined ? startNode(built, flags) : startPython(python)
  let settle: { resolve(result: unknown): void; reject(error: Error): void } | undefined
  child.on('message', (answer: Answer) => {
    if ('error' in answer) settle?.reject(new Error(`${name}: ${answer.error}`))
    else settle?.resolve(answer.result)
    settle = undefined
  })
  child.on('exit', (code, signal) => settle?.reject(new Error(`${name} ended by itself (${signal ?? code})`)))
  return {
    ask: <Result>(command: Command, patience = PATIENCE) =>
      new Promise<Result>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${name} did not answer within ${patience} ms`)), patience)
        settle = {
          resolve: result => {
            clearTimeout(timer)
            resolve(result as Result)
          },
          reject: error => {
            clearTimeout(timer)
            reject(error)
          },
        }
        tell(command)
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      tell({ type: 'stop' })
      const timer = setTimeout(() => child.kill('SIGKILL'), END)
      await ended
      clearTimeout(timer)
    },
  }
}

interface Started {
  readonly child: ChildProcess
  tell(command: Command): void
}

function startNode(built: boolean, flags: readonly string[]): Started {
  const child = forkModule('./worker.ts', { built, flags })
  // A process that has ended is told of by its `exit`.
  return { child, tell: command => void child.send(command, () => {}) }
}

/** Speaks JSON lines where a Node process has messages. */
function startPython(folder: string): Started {
  const cwd = fileURLToPath(folderOf(folder))
  const child = spawn('.venv/bin/python', ['peer.py'], { cwd, stdio: ['pipe', 'pipe', 'ignore'] })
  child.on('error', () => child.emit('exit', null, null))
  child.stdin.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', line => child.emit('message', JSON.parse(line), undefined))
  return { child, tell: command => void child.stdin.write(`${JSON.stringify(command)}\n`) }
}

export function forkModule(
  path: string,
  { built, flags = [], args = [] }: { built: boolean; flags?: readonly string[]; args?: readonly string[] },
): ChildProcess {
  const hooks = built ? ['--import', new URL('./built.ts', import.meta.url).href] : []
  return fork(new URL(path, import.meta.url), args, { execArgv: [...hooks, ...flags], serialization: 'advanced' })
}
