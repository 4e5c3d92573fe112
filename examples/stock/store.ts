import { amqp } from '@commlib/amqp'
import { createNode, memory, type Node, transportFor } from '@commlib/core'
import { Reserve, Sold } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** Keeps the stock. The service's queue is gone with it, so that callers learn at once when nobody is there. */
export async function keep(stock: Record<string, number>): Promise<Node> {
  const node = await createNode({
    name: 'store',
    transport: transportFor(COMMLIB_URL, [memory, amqp]),
    onError: error => console.log(`store: ${error}`),
  })
  await node.serve(Reserve, ({ item, count }) => {
    const left = (stock[item] ?? 0) - count
    if (left < 0) throw new RangeError(`there are only ${stock[item] ?? 0} of ${item}`)
    stock[item] = left
    return { left }
  })
  // A quorum queue of that name: what is sold while nobody is here waits in it, on every node of a cluster.
  const counted = ({ item, count }: { item: string; count: number }) => console.log(`store: sold ${count} of ${item}`)
  await node.subscribe(Sold, counted, { durable: 'store-books' })
  console.log('store: open')
  return node
}

// As a process of its own: `node store.ts`, until Ctrl-C.
if (import.meta.main) void (await keep({ lamp: 3 })).runForever()
