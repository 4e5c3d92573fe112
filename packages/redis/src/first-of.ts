import { CommlibError, raceSignal, toError } from '@commlib/core/internal'

export interface FirstOfOptions<T extends { readonly target: string }, R> {
  /** Milliseconds for all of them. */
  readonly timeout: number
  readonly signal: AbortSignal
  ask(candidate: T, signal: AbortSignal): Promise<R>
}

/** The first answer, asking one after the other; one that is silent leaves time for the others. */
export async function firstOf<T extends { readonly target: string }, R>(
  candidates: readonly T[],
  { timeout, signal, ask }: FirstOfOptions<T, R>,
): Promise<R> {
  const failures: Error[] = []
  const share = Math.ceil(timeout / candidates.length)
  for (const candidate of candidates) {
    const controller = new AbortController()
    const late = new CommlibError(
      'CONNECTION_FAILED',
      `cannot connect to ${candidate.target}: no answer within ${share} ms`,
    )
    const timer = setTimeout(() => controller.abort(late), share)
    const abort = () => controller.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await raceSignal(ask(candidate, controller.signal), controller.signal)
    } catch (error) {
      signal.throwIfAborted()
      failures.push(toError(error))
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }
  const [first] = failures
  if (failures.length === 1 && first !== undefined) throw first
  const denied = failures.find(error => error instanceof CommlibError && error.code === 'NOT_AUTHORIZED')
  throw new CommlibError(
    denied === undefined ? 'CONNECTION_FAILED' : 'NOT_AUTHORIZED',
    failures.map(({ message }) => message).join('; '),
    { cause: denied ?? first },
  )
}
