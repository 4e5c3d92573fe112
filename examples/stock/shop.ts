import { amqp } from '@commlib/amqp'
import { CommlibError, createNode, memory, RemoteError, transportFor } from '@commlib/core'
import { Reorder, Reserve, Sold } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** Sells until there is nothing left, and then finds nobody who would order more. */
export async function sell(): Promise<void> {
  const node = await createNode({ name: 'shop', transport: transportFor(COMMLIB_URL, [memory, amqp]) })
  const order = { item: 'lamp', count: 2 }
  const { left } = await node.client(Reserve)(order)
  // Resolves when the broker has confirmed it.
  await node.publisher(Sold).publish(order, { params: { item: order.item } })
  console.log(`shop: sold 2, ${left} left`)
  try {
    await node.client(Reserve)(order)
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    console.log(`shop: the store says ${error.remote.name}: ${error.message}`)
  }
  try {
    await node.client(Reorder)({ item: 'lamp', count: 10 })
  } catch (error) {
    // The broker sends the request back: no need to wait for the deadline.
    if (!(error instanceof CommlibError)) throw error
    console.log(`shop: reorders, and is told ${error.code}`)
  }
  await node.close()
}

if (import.meta.main) await sell()
