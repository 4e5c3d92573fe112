import { actionsBy } from './actions/action.ts'
import { createActionClient } from './actions/client.ts'
import { checkActionOptions } from './actions/option-rules.ts'
import { createActionService } from './actions/service.ts'
import type { DescribeAction } from './contracts/action.ts'
import type { DescribeEvent } from './contracts/event.ts'
import type { DescribeRpc } from './contracts/rpc.ts'
import type { DescribeTopic } from './contracts/topic.ts'
import { checked } from './contracts/typebox.ts'
import { eventsBy } from './endpoints/event.ts'
import { checkOptions } from './endpoints/option-rules.ts'
import { rpcsBy } from './endpoints/rpc.ts'
import { topicsBy } from './endpoints/topic.ts'
import { type CreateNode, type NodeDefaults, nodesBy } from './node.ts'
import { checkNodeOptions } from './node-options.ts'

/** Describes a topic or a pattern. */
export const topic: DescribeTopic = /* @__PURE__ */ topicsBy(checked, checkOptions)
/** Describes a call. */
export const rpc: DescribeRpc = /* @__PURE__ */ rpcsBy(checked, checkOptions)
/** Describes an action. */
export const action: DescribeAction = /* @__PURE__ */ actionsBy(checked, {
  check: checkActionOptions,
  client: createActionClient,
  serve: createActionService,
})
/** Describes an event. */
export const event: DescribeEvent = /* @__PURE__ */ eventsBy(checked, checkOptions)

const transport: NodeDefaults['transport'] = async log => (await import('./memory/by-default.ts')).memoryByDefault(log)

/**
 * Connects to the broker.
 *
 * commlib-py: `Node(…)` and `run()`.
 */
export const createNode: CreateNode = /* @__PURE__ */ nodesBy({ check: checkNodeOptions, transport })

export * from './common.ts'
