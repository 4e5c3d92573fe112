import { actionsBy } from './actions/action.ts'
import type { DescribeAction } from './contracts/action.ts'
import type { DescribeEvent } from './contracts/event.ts'
import type { DescribeRpc } from './contracts/rpc.ts'
import type { DescribeTopic } from './contracts/topic.ts'
import { checked } from './contracts/typebox.ts'
import { eventsBy } from './endpoints/event.ts'
import { rpcsBy } from './endpoints/rpc.ts'
import { topicsBy } from './endpoints/topic.ts'

/** Describes a topic or a pattern. */
export const topic: DescribeTopic = /* @__PURE__ */ topicsBy(checked)
/** Describes a call. */
export const rpc: DescribeRpc = /* @__PURE__ */ rpcsBy(checked)
/** Describes an action. */
export const action: DescribeAction = /* @__PURE__ */ actionsBy(checked)
/** Describes an event. */
export const event: DescribeEvent = /* @__PURE__ */ eventsBy(checked)

export * from './common.ts'
