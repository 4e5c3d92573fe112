import { actionsBy } from './actions/action.ts'
import { createActionClient } from './actions/client.ts'
import { createActionService } from './actions/service.ts'
import type { DescribeAction } from './contracts/action.ts'
import type { DescribeEvent } from './contracts/event.ts'
import type { DescribeRpc } from './contracts/rpc.ts'
import { unchecked } from './contracts/shape.ts'
import type { DescribeTopic } from './contracts/topic.ts'
import { eventsBy } from './endpoints/event.ts'
import { rpcsBy } from './endpoints/rpc.ts'
import { topicsBy } from './endpoints/topic.ts'
import { type CreateNode, nodesBy } from './node.ts'

// The same API for small devices: schemas are types only, and nothing is checked.
/** Describes a topic or a pattern. Nothing is checked. */
export const topic: DescribeTopic = /* @__PURE__ */ topicsBy(unchecked)
/** Describes a call. Nothing is checked. */
export const rpc: DescribeRpc = /* @__PURE__ */ rpcsBy(unchecked)
/** Describes an action. Nothing is checked. */
export const action: DescribeAction = /* @__PURE__ */ actionsBy(unchecked, {
  client: createActionClient,
  serve: createActionService,
})
/** Describes an action that this program only sends goals to: a bundle has no service of it. */
export const remoteAction: DescribeAction = /* @__PURE__ */ actionsBy(unchecked, { client: createActionClient })
/** Describes an action that this program only serves: a bundle has no client of it. */
export const servedAction: DescribeAction = /* @__PURE__ */ actionsBy(unchecked, { serve: createActionService })
/** Describes an event. Nothing is checked. */
export const event: DescribeEvent = /* @__PURE__ */ eventsBy(unchecked)

/**
 * Connects to the broker. Options are not checked, and there is no transport by default: `memory()` must be given like
 * any other.
 *
 * commlib-py: `Node(…)` and `run()`.
 */
export const createNode: CreateNode = /* @__PURE__ */ nodesBy()

export * from './common.ts'
