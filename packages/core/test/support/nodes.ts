import { afterEach } from 'vitest'
import { createNode, memory, type Node, type NodeOptions } from '../../src/index.ts'

let open: Node[] = []
let hub = 0

afterEach(async () => {
  await Promise.all(open.map(node => node.close()))
  open = []
  hub++
})

/** A quiet node on a hub of the running test's own; closed after it. */
export async function testNode(options: NodeOptions = {}): Promise<Node & { readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const node = await createNode({
    transport: memory(`test-${hub}`),
    heartbeat: false,
    onError: error => errors.push(error),
    ...options,
  })
  open.push(node)
  return Object.assign(node, { errors })
}

/** A promise that is settled from outside. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}

/** Lets everything that is already due happen. */
export const settle = () => new Promise<void>(resolve => setTimeout(resolve, 20))
