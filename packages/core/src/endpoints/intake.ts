import type { Subscription } from '../transport.ts'
import { subscription } from '../util/subscription.ts'
import type { Context } from './context.ts'

/** An endpoint that receives: established on the transport, paused, drained, closed. */
export interface Intake extends Subscription {
  /** Stops receiving, while its node is stopped. */
  pause(): Promise<void>

  /** Receives again. */
  resume(): Promise<void>

  /** Resolves when no handler runs. */
  idle(): Promise<void>

  /** Tells running handlers to stop. */
  abort(reason: unknown): void
}

export interface IntakeOptions {
  /** Subscribes on the transport. */
  readonly establish: () => Promise<Subscription>
  readonly idle?: () => Promise<void>
  readonly abort?: (reason: unknown) => void

  /** Closes it when it aborts. */
  readonly signal?: AbortSignal | undefined

  /** Runs when it is closed, after it no longer receives. */
  readonly onClose?: () => Promise<void> | void

  /** Goes on while its node is stopped: heartbeat and control. @default false */
  readonly always?: boolean | undefined
}

const nothing = async () => {}

/** Establishes an intake and hands it to its node. Resolves when the broker has confirmed. */
export async function openIntake(context: Context, options: IntakeOptions): Promise<Intake> {
  const { establish, idle = nothing, abort = nothing, signal, onClose, always = false } = options
  let current: Promise<Subscription> | undefined

  const pause = async () => {
    const closing = current
    current = undefined
    await (await closing)?.close()
  }
  const resume = async () => {
    current ??= establish()
    try {
      await current
    } catch (error) {
      current = undefined
      throw error
    }
  }
  const end = subscription(async () => {
    context.intakes.delete(intake)
    try {
      await pause()
    } finally {
      await onClose?.()
    }
  })
  const intake: Intake = { ...end, pause: always ? nothing : pause, resume, idle, abort }

  context.intakes.add(intake)
  try {
    if (!context.paused || always) await resume()
  } catch (error) {
    await intake.close()
    throw error
  }
  signal?.addEventListener('abort', () => void intake.close().catch(context.onError), { once: true })
  return intake
}
