import { amqp } from '@commlib/amqp'
import { createNode, memory, transportFor } from '@commlib/core'
import { mqtt } from '@commlib/mqtt'
import { redis } from '@commlib/redis'
import { Menu, Order } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** Cooks until the order with this number is done, then goes home. */
export async function cook(last: number): Promise<void> {
  const node = await createNode({ name: 'cook', transport: transportFor(COMMLIB_URL, [memory, mqtt, redis, amqp]) })
  await node.publisher(Menu).publish({ dishes: ['soup', 'pasta'] })

  await new Promise<void>((resolve, reject) => {
    // The broker keeps what is ordered under the name `cook` while nobody is here, and gives an order again
    // until its handler has settled.
    const subscription = node.subscribe(
      Order,
      ({ number, dish }) => {
        console.log(`cook: order ${number}, ${dish}`)
        if (number === last) resolve()
      },
      { durable: 'cook' },
    )
    subscription.then(() => console.log('cook: at work'), reject)
  })

  await node.close({ grace: 1000 })
  console.log('cook: goes home')
}

// As a process of its own: `node cook.ts 3`.
if (import.meta.main) await cook(Number(process.argv[2] ?? 3))
