import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Answer, Command } from './worker.ts'

export interface ProcessOptions {
  /** Runs what is built instead of the sources. */
  readonly built: boolean

  /** Folder that CPU profiles are written to. */
  readonly profiles?: string | undefined
}

/** A process of its own, told what to do one command at a time. */
export interface WorkerProcess {
  ask<Result>(command: Command): Promise<Result>
  stop(): Promise<void>
}

export function startWorker({ built, profiles }: ProcessOptions, name: string): WorkerProcess {
  const child = forkModule('./worker.ts', {
    built,
    flags:
      profiles === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`],
  })
  let settle: { resolve(result: unknown): void; reject(error: Error): void } | undefined
  child.on('message', (answer: Answer) => {
    if ('error' in answer) settle?.reject(new Error(`${name}: ${answer.error}`))
    else settle?.resolve(answer.result)
    settle = undefined
  })
  child.on('exit', (code, signal) => settle?.reject(new Error(`${name} ended by itself (${signal ?? code})`)))
  return {
    ask: <Result>(command: Command) =>
      new Promise<Result>((resolve, reject) => {
        settle = { resolve: resolve as (result: unknown) => void, reject }
        child.send(command)
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.send({ type: 'stop' } satisfies Command)
      await once(child, 'exit')
    },
  }
}

export function forkModule(
  path: string,
  { built, flags = [], args = [] }: { built: boolean; flags?: readonly string[]; args?: readonly string[] },
): ChildProcess {
  const hooks = built ? ['--import', new URL('./built.ts', import.meta.url).href] : []
  return fork(new URL(path, import.meta.url), args, { execArgv: [...hooks, ...flags], serialization: 'advanced' })
}
