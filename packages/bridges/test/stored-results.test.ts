import { setTimeout as delay } from 'node:timers/promises'
import { action, rpc } from '@commlib/core'
import { expect, test } from 'vitest'
import { bridge } from '../src/index.ts'
import { after, fresh, kinds, nodeOn } from './world.ts'

const [memory] = kinds as [(typeof kinds)[number]]

/** The calls of an action as commlib-py makes and serves them. */
function calls(name: string) {
  return {
    send: rpc<{ goal_data: { to: number } }, { status: number; goal_id: string }>(`${name}.send_goal`),
    result: rpc<{ goal_id: string }, { status: number; result: { reached?: number } }>(`${name}.get_result`),
  }
}

async function world() {
  const [here, there] = await Promise.all([memory.start(), memory.start()])
  const [alice, bob, source, sink] = await Promise.all([nodeOn(here), nodeOn(there), nodeOn(here), nodeOn(there)])
  const Move = action<{ to: number }, unknown, { reached?: number }>(fresh('move'))
  const made = await bridge(source, sink, Move)
  after(() => made.close())
  return { alice, bob, Move, ...calls(Move.name) }
}

test('a bridge lets a commlib-py service store the result that it has announced', async () => {
  const { alice, bob, send, result } = await world()
  const stored: { reached?: number } = { reached: 0 }
  await bob.serve(send, () => ({ status: 1, goal_id: 'of-the-service' }))
  await bob.serve(result, () => ({ status: 4, result: stored }))
  const { goal_id } = await alice.client(send)({ goal_data: { to: 3 } })
  const asked = alice.client(result)({ goal_id })
  await delay(30)
  stored.reached = 3
  expect(await asked).toMatchObject({ status: 4, result: { reached: 3 } })
})

test('a bridge asks a service of ours for its result at once', async () => {
  const { alice, bob, Move } = await world()
  await bob.serve(Move, ({ to }) => ({ reached: to }))
  const move = alice.client(Move)
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const started = performance.now()
    expect(await (await move({ to: n })).result).toEqual({ reached: n })
    times.push(performance.now() - started)
  }
  expect(Math.min(...times)).toBeLessThan(100)
})
