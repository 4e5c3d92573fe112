import type { GoalStatus } from '@commlib/core'
import { createLiveScreen } from './live.ts'
import { createPlainScreen } from './plain.ts'

/** Shows what the operator sees. */
export interface Screen {
  /** Begins, once there is something to show. */
  open(): void
  heartbeat(node: string): void
  reading(sensor: string, value: number, unit: string): void
  event(what: string): void

  /** A call was answered, so many milliseconds after it was made. */
  answer(what: string, milliseconds: number): void

  /** A goal was taken. */
  start(what: string): void

  /** @param progress 0 to 1 */
  progress(progress: number, metres: number): void
  end(status: GoalStatus, detail: string): void

  /** Something to know until further notice; an empty one takes it back. */
  note(text: string): void

  /** Says goodbye, if it has been opened, and gives the terminal back. */
  close(): void
}

/** A dashboard where there is a terminal, lines elsewhere. */
export function createScreen(where: string, stdout: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  // The log of every frame, for who asked for it, has no place in a dashboard.
  const live = stdout.isTTY && env['TERM'] !== 'dumb' && env['COMMLIB_LOG'] !== 'debug'
  return live ? createLiveScreen(where, stdout) : createPlainScreen(where, stdout)
}
