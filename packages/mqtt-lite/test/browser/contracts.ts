import type { DescribeAction, DescribeRpc, DescribeTopic } from './describe.ts'

/** What page and robot say to each other, described by either form of core. */
export function contractsBy({
  topic,
  rpc,
  action,
}: {
  topic: DescribeTopic
  rpc: DescribeRpc
  action: DescribeAction
}) {
  return {
    Sensor: topic<{ value: number }, 'page.sensors.{sensor}'>('page.sensors.{sensor}'),
    Order: topic<{ text: string }, 'page.order'>('page.order'),
    Add: rpc<{ a: number; b: number }, { sum: number }>('page.add'),
    Title: rpc<object, { title: string }>('page.title'),
    Move: action<{ metres: number }, { walked: number }, { walked: number }>('page.move'),
  }
}
