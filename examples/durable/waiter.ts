import { amqp } from '@commlib/amqp'
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { Menu, Order } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** Orders the dishes with these numbers. */
export async function order(...numbers: number[]): Promise<void> {
  const node = await createNode({ name: 'waiter', transport: transportFor(COMMLIB_URL, [memory, mqtt, redis, amqp]) })
  const orders = node.publisher(Order)
  for await (const { dishes } of await node.subscribe(Menu)) {
    for (const number of numbers) {
      await orders.publish({ number, dish: dishes[number % dishes.length] ?? 'water' })
      console.log(`waiter: order ${number} is with the broker`)
    }
    break
  }
  await node.close()
}

// As a process of its own: `node waiter.ts 1 2 3`.
if (import.meta.main) await order(...process.argv.slice(2).map(Number))
