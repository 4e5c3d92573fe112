import { toError } from '../errors.ts'
import type { Subscription } from '../transport.ts'
import { subscription } from '../util/subscription.ts'
import type { Target } from './context.ts'
import { control } from './control.ts'
import { createRpcService } from './rpc-service.ts'

/** Lets others stop and start a node. Loaded only by nodes that allow it. */
export async function serveControl(
  target: Target,
  namespace: string,
  { start, stop }: { readonly start: () => Promise<void>; readonly stop: () => Promise<void> },
): Promise<Subscription> {
  const contracts = control(namespace)
  const services = [
    await createRpcService(target, contracts.stop, answer(stop), { always: true }),
    await createRpcService(target, contracts.start, answer(start), { always: true }),
  ]
  return subscription(async () => {
    for (const service of services) await service.close()
  })
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
