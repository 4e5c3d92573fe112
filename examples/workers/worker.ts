import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, memory, type Node, transportFor } from '@commlib/core'
import { redis } from '@commlib/redis'
import { Thumbnail, Uploaded } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** One of any number: calls wait in a list until a worker has room, and each upload goes to one member of the group. */
export async function work(name: string): Promise<Node> {
  const node = await createNode({ name, transport: transportFor(COMMLIB_URL, [memory, redis]) })
  await node.serve(
    Thumbnail,
    async ({ image }) => {
      await sleep(20)
      return { image: `small ${image}`, by: name }
    },
    { concurrency: 1 },
  )
  // Acknowledged when the handler has settled. What a member leaves unacknowledged, another takes over.
  await node.subscribe(Uploaded, ({ image }) => console.log(`index: ${image}`), { group: 'index' })
  console.log(`${name}: at work`)
  return node
}

// As a process of its own: `node worker.ts b`, until Ctrl-C.
if (import.meta.main) void (await work(process.argv[2] ?? 'a')).runForever()
