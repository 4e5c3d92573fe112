import Type from 'typebox'
import { expect, onTestFinished, vi } from 'vitest'
import {
  action,
  createNode,
  type Frame,
  GoalStatus,
  memory,
  type Node,
  type NodeOptions,
  type Transport,
} from '../../src/index.ts'

/** A goal that is driven somewhere. */
export const Move = action('robot.move', {
  goal: Type.Object({ x: Type.Number() }),
  feedback: Type.Object({ progress: Type.Number() }),
  result: Type.Object({ seconds: Type.Number() }),
})

let hubs = 0

/** A broker of its own for each test. */
export function freshHub(): string {
  return `actions-${hubs++}`
}

/** A node that the test's end closes, and what its `onError` heard. */
export async function openNode(
  transport: Transport | string,
  options: NodeOptions = {},
): Promise<Node & { readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const node = await createNode({
    transport: typeof transport === 'string' ? memory(transport) : transport,
    heartbeat: false,
    onError: error => errors.push(error),
    ...options,
  })
  onTestFinished(() => node.close())
  return Object.assign(node, { errors })
}

/** A service's node and a client's, on one hub. */
export async function openPair(): Promise<{ robot: Node & { errors: unknown[] }; desk: Node & { errors: unknown[] } }> {
  const hub = freshHub()
  return { robot: await openNode(hub), desk: await openNode(hub) }
}

/** What may happen to a frame on its way: it passes, it is dropped, or it passes when a promise resolves. */
export type Fate = (address: string, frame: Frame) => boolean | Promise<boolean>

/** A connection to a hub that loses and delays what is sent over it. */
export function faulty(
  hub: string,
  { publish = () => true, push = () => true }: { publish?: Fate; push?: Fate },
): Transport {
  const transport = memory(hub)
  return {
    ...transport,
    publish: async (topic, frame, options) => {
      if (await publish(topic, frame)) await transport.publish(topic, frame, options)
    },
    push: async (queue, frame, options) => {
      if (await push(queue, frame)) await transport.push(queue, frame, options)
    },
  }
}

/** Something that a test makes happen. */
export function gate<T = void>(): { readonly open: (value: T) => void; readonly opened: Promise<T> } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>(resolve => {
    open = resolve
  })
  return { open, opened }
}

/** Resolves when the goal's handler has begun. */
export async function begun(goal: { readonly status: GoalStatus }): Promise<void> {
  await vi.waitFor(() => expect(goal.status).toBe(GoalStatus.EXECUTING))
}

/** Rejects with the signal's reason when it aborts. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
