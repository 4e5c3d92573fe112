import type { Subscription } from '../transport.ts'
import type { ControlAnswer } from './control.ts'

/** Lets others stop and start a node, until it closes: serves what `control()` describes. */
// It imports nothing: a bundler need not cut in two what it would share.
export async function serveControl(
  namespace: string,
  { start, stop }: { readonly start: () => Promise<void>; readonly stop: () => Promise<void> },
  serve: (name: string, handler: () => Promise<ControlAnswer>) => Promise<Subscription>,
): Promise<void> {
  await serve(`${namespace}.stop`, answer(stop))
  await serve(`${namespace}.start`, answer(start))
}

function answer(work: () => Promise<void>) {
  return async () => {
    try {
      await work()
      return { status: 0, error: '' }
    } catch (error) {
      return { status: 1, error: error instanceof Error ? error.message : String(error) }
    }
  }
}
