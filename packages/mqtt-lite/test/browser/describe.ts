import type { action, rpc, topic } from '@commlib/core'

export type DescribeTopic = typeof topic
export type DescribeRpc = typeof rpc
export type DescribeAction = typeof action
