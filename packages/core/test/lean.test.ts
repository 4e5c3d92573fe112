import { afterEach, expect, test } from 'vitest'
import { createNode, memory, type Node, remoteAction, servedAction } from '../src/lean.ts'

let nodes: Node[] = []
afterEach(async () => {
  for (const node of nodes.reverse()) await node.close()
  nodes = []
})

async function join(name: string): Promise<Node> {
  const node = await createNode({ name, transport: memory(), heartbeat: false })
  nodes.push(node)
  return node
}

const Served = servedAction<{ target: number }, { at: number }, { reached: number }>('robot.move')
const Remote = remoteAction<{ target: number }, { at: number }, { reached: number }>('robot.move')

test('each side of an action can be declared by itself', async () => {
  const [robot, desk] = [await join('robot'), await join('desk')]
  await robot.serve(Served, async function* ({ target }) {
    yield { at: 1 }
    return { reached: target }
  })
  const goal = await desk.client(Remote)({ target: 3 })
  const feedback = []
  for await (const each of goal) feedback.push(each)
  expect(feedback).toEqual([{ at: 1 }])
  expect(await goal.result).toEqual({ reached: 3 })
})

test('the side of an action that was not declared is refused', async () => {
  const node = await join('robot')
  const unsupported = expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining("'robot.move'") })
  await expect(node.serve(Remote, () => ({ reached: 1 }))).rejects.toThrow(unsupported)
  expect(() => node.client(Served)).toThrow(unsupported)
  expect(node.ports).toEqual([])
})

test('a lean node needs a transport', async () => {
  await expect(createNode({ name: 'robot' })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('memory()'),
  })
})
