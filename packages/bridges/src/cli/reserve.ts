import type { Node } from '@commlib/core'
import { compilePattern, contextOf } from '@commlib/core/internal'
import { nameOf, wayBack } from '../naming.ts'
import type { BridgeConfiguration } from './configuration.ts'

/** Never settles: what comes is left to who reads by that name afterwards. */
const unacknowledged = new Promise<void>(() => {})

/** Has the brokers keep from now on what comes for a durable name, before a bridge reads by it. */
export async function reserve(
  { contract, options }: BridgeConfiguration,
  [from, to]: readonly [from: Node, to: Node],
  signal: AbortSignal,
): Promise<void> {
  if (contract.kind === 'rpc' || contract.kind === 'action' || !('source' in options)) return
  const { durable, group, member } = options.source ?? {}
  if (durable === undefined) return
  const name = nameOf(contract)
  const sides: Array<readonly [node: Node, pattern: string]> = [[from, name]]
  if (options.twoWay) sides.push([to, wayBack(name, options, {}).pattern])
  await Promise.all(
    sides.map(async ([node, pattern]) => {
      const { address } = compilePattern(pattern)
      const how = { reliable: true, durable, group, member, signal }
      const subscription = await contextOf(node).transport.subscribe(address, () => unacknowledged, how)
      await subscription.close()
    }),
  )
}
