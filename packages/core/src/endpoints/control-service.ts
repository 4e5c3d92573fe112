import { toError } from '../errors.ts'
import type { Target } from './context.ts'
import { control } from './control.ts'
import { createRpcService } from './rpc-service.ts'

/** Lets others stop and start a node, until it closes. */
export async function serveControl(
  target: Target,
  namespace: string,
  { start, stop }: { readonly start: () => Promise<void>; readonly stop: () => Promise<void> },
): Promise<void> {
  const contracts = control(namespace)
  await createRpcService(target, contracts.stop, answer(stop), { always: true })
  await createRpcService(target, contracts.start, answer(start), { always: true })
}

function answer(work: () => Promise<void>) {
  return async () => {
    try {
      await work()
      return { status: 0, error: '' }
    } catch (error) {
      return { status: 1, error: toError(error).message }
    }
  }
}
