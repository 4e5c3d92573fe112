import { createNode, memory, transportFor } from '@commlib/core'
import { redis } from '@commlib/redis'
import { Thumbnail, Uploaded } from './contracts.ts'

const { COMMLIB_URL = 'memory://' } = process.env

/** Uploads images and wants a thumbnail of each. */
export async function upload(...images: readonly string[]): Promise<void> {
  const node = await createNode({ name: 'gallery', transport: transportFor(COMMLIB_URL, [memory, redis]) })
  // Resolves when the server has it: what is in a stream is not lost with a worker.
  for (const image of images) await node.publisher(Uploaded).publish({ image })
  console.log(`gallery: ${images.length} images are uploaded`)

  const thumbnail = node.client(Thumbnail)
  const made = await Promise.all(images.map(image => thumbnail({ image })))
  console.log(`gallery: ${made.map(({ image }) => image).join(', ')}`)
  console.log(`gallery: made by ${[...new Set(made.map(({ by }) => by))].sort().join(' and ')}`)
  await node.close()
}

if (import.meta.main) await upload('cat.png', 'dog.png', 'owl.png', 'fox.png')
