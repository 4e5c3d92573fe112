import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Frame, GoalStatus, memory, type Transport } from '../../src/index.ts'
import { aborted, freshHub, gate, Move, openNode } from './fixtures.ts'

type Json = Record<string, unknown>

const encoder = new TextEncoder()
const decoder = new TextDecoder()

async function connect(hub: string): Promise<Transport> {
  const transport = memory(hub)
  await transport.connect()
  onTestFinished(() => transport.close())
  return transport
}

function frame(value: unknown): Frame {
  return { body: encoder.encode(JSON.stringify(value)) }
}

function body({ body }: Frame): Json {
  return JSON.parse(decoder.decode(body))
}

/** A service that speaks as commlib-py 0.13.1 was captured to, one call after the other. */
async function pythonService(hub: string, answers: Record<string, (data: Json) => Json | undefined>) {
  const transport = await connect(hub)
  for (const [name, answer] of Object.entries(answers)) {
    await transport.pull(`robot.move.${name}`, async request => {
      const reply = answer(body(request))
      if (reply === undefined) return
      await transport.push(request.replyTo ?? '', { ...frame(reply), correlationId: request.correlationId })
    })
  }
  return { publish: (name: string, message: Json) => transport.publish(`robot.move.${name}`, frame(message)) }
}

/** A client that speaks as commlib-py was captured to, over the envelope that has no room beside the body. */
async function pythonClient(hub: string, header: Json) {
  const transport = await connect(hub)
  let calls = 0
  return async (name: string, data: Json): Promise<{ header: Json; data: Json }> => {
    const replyTo = `reply-python-${calls++}`
    const reply = gate<Frame>()
    await transport.pull(replyTo, frame => reply.open(frame))
    await transport.push(`robot.move.${name}`, frame({ header: { ...header, reply_to: replyTo }, data }))
    return body(await reply.opened) as { header: Json; data: Json }
  }
}

async function watch(hub: string) {
  const transport = await connect(hub)
  const seen: Array<[string, Json]> = []
  for (const name of ['status', 'feedback', 'notify']) {
    await transport.subscribe(`robot.move.${name}`, (_, message) => void seen.push([name, body(message)]))
  }
  return seen
}

const v013 = { timestamp: 1795228813829565700, content_type: 'json', encoding: 'utf8', agent: 'commlib' }
const v06 = { timestamp: 1795228863425, properties: { content_type: 'application/json', content_encoding: 'utf8' } }
const id = '5eef9eee2018492b8e1c2d6b5f273d9a'

describe('a client of ours', () => {
  test('follows a goal of a commlib-py service, whose news overtake its answer', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const requests: Json[] = []
    const python = await pythonService(hub, {
      send_goal: data => {
        requests.push(data)
        void python.publish('status', { goal_id: id, status: 1 })
        void python.publish('feedback', { feedback_data: { progress: 0 }, goal_id: id })
        void python.publish('status', { goal_id: id, status: 2 })
        return { status: 1, timestamp: '-1', goal_id: id, error: '' }
      },
      get_result: () => ({ status: 4, timestamp: '-1', result: { seconds: '-2' }, error: '' }),
    })
    const goal = await desk.client(Move)({ x: 2 })
    expect(requests).toEqual([{ description: '', goal_data: { x: 2 } }])
    expect(goal.id).toBe(id)
    expect(goal.status).toBe(GoalStatus.EXECUTING)
    await python.publish('feedback', { feedback_data: { progress: '-1' }, goal_id: id })
    await python.publish('feedback', { feedback_data: { progress: 9 }, goal_id: 'somebody-elses' })
    await python.publish('status', { goal_id: id, status: '4' })
    expect(await goal.result).toEqual({ seconds: -2 })
    const heard: unknown[] = []
    for await (const feedback of goal) heard.push(feedback)
    expect(heard).toEqual([{ progress: 0 }, { progress: -1 }])
    expect(desk.errors).toEqual([])
  })

  test('asks again for a result that was announced before it was stored', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const get_result = vi.fn().mockReturnValueOnce({ status: 4, result: {}, error: '' })
    get_result.mockReturnValue({ status: 4, result: { seconds: 3 }, error: '' })
    const python = await pythonService(hub, { send_goal: () => ({ status: 1, goal_id: id }), get_result })
    const goal = await desk.client(Move)({ x: 2 })
    await python.publish('status', { goal_id: id, status: 4 })
    expect(await goal.result).toEqual({ seconds: 3 })
    expect(get_result).toHaveBeenCalledTimes(2)
  })

  test('gives a service time to store the result that it has announced', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    let seconds = 0
    const python = await pythonService(hub, {
      send_goal: () => ({ status: 1, goal_id: id }),
      // What commlib-py has until then is no empty result, but the defaults of its type.
      get_result: () => ({ status: 4, result: { seconds }, error: '' }),
    })
    const goal = await desk.client(Move)({ x: 2 })
    await python.publish('status', { goal_id: id, status: 4 })
    await delay(20)
    seconds = 3
    expect(await goal.result).toEqual({ seconds: 3 })
  })

  test('is not misled by the empty answers to who asks while the goal runs', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const get_result = vi.fn((): Json => ({}))
    const python = await pythonService(hub, { send_goal: () => ({ status: 1, goal_id: id }), get_result })
    const goal = await desk.client(Move)({ x: 2 })
    await vi.waitFor(() => expect(get_result).toHaveBeenCalled(), 2000)
    expect(goal.status).toBe(GoalStatus.ACCEPTED)
    get_result.mockReturnValue({ status: 4, result: { seconds: 3 } })
    await python.publish('status', { goal_id: id, status: 4 })
    expect(await goal.result).toEqual({ seconds: 3 })
  })

  test('does not wait for ever for the result of a handler that raised', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const python = await pythonService(hub, { send_goal: () => ({ status: 1, goal_id: id }), get_result: () => ({}) })
    const goal = await desk.client(Move)({ x: 2 })
    await python.publish('status', { goal_id: id, status: 4 })
    await expect(goal.result).rejects.toMatchObject({ code: 'GOAL_ABORTED', cause: { code: 'TIMEOUT' } })
  })

  test('is told why a goal was rejected', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const error = `Cannot make the transition - Goal ${id} is running!`
    await pythonService(hub, { send_goal: () => ({ status: 0, timestamp: '-1', goal_id: '', error }) })
    await expect(desk.client(Move)({ x: 2 })).rejects.toMatchObject({ code: 'GOAL_REJECTED', message: error })
  })

  test('cancels, and is told when that is not granted', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    let status = 2
    const python = await pythonService(hub, {
      send_goal: () => ({ status: 1, goal_id: id }),
      cancel_goal: ({ goal_id }) => {
        if (status === 2) return { status: 0, result: {}, error: '' }
        void python.publish('status', { goal_id, status: 6 })
        return { status: 1, timestamp: 1795229331770941000, result: {}, error: '' }
      },
      get_result: () => ({ status, result: {} }),
    })
    const goal = await desk.client(Move)({ x: 2 })
    await expect(goal.cancel()).rejects.toMatchObject({ code: 'GOAL_REJECTED' })
    status = 6
    await goal.cancel()
    expect(goal.status).toBe(GoalStatus.CANCELED)
  })

  test('reports nonsense and goes on', async () => {
    const hub = freshHub()
    const desk = await openNode(hub)
    const python = await pythonService(hub, {
      send_goal: () => ({ status: 1, goal_id: id }),
      get_result: () => ({ status: 4, result: { seconds: 1 } }),
    })
    const goal = await desk.client(Move)({ x: 2 })
    await python.publish('status', { goal_id: id, status: 77 })
    await python.publish('feedback', { goal_id: id, feedback_data: { progress: 'half' } })
    await python.publish('feedback', [] as never)
    await python.publish('status', { goal_id: id, status: 4 })
    expect(await goal.result).toEqual({ seconds: 1 })
    expect(desk.errors).toMatchObject([{ code: 'INVALID_MESSAGE' }, { code: 'INVALID_MESSAGE' }])
  })
})

describe('a service of ours', () => {
  test('says what commlib-py 0.13 says, in its order', async () => {
    const hub = freshHub()
    const seen = await watch(hub)
    const call = await pythonClient(hub, v013)
    const robot = await openNode(hub)
    await robot.serve(Move, async function* () {
      yield { progress: 1 }
      return { seconds: 2 }
    })
    const { data } = await call('send_goal', { description: 'go', goal_data: { x: 2 } })
    // Nothing but the notice of the request has gone out before the answer, and for a while after it.
    await delay(50)
    expect(seen).toHaveLength(1)
    const { goal_id } = data
    expect(data).toEqual({
      status: 1,
      timestamp: expect.any(Number),
      goal_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      error: '',
    })
    await vi.waitFor(() => expect(seen).toHaveLength(6))
    const about = { goal_data: { x: 2 }, goal_description: 'go' }
    expect(seen).toEqual([
      ['notify', { msg: 'Set Goal Request', status: 0, goal_id: '', ...about }],
      ['status', { goal_id, status: 1 }],
      ['status', { goal_id, status: 2 }],
      ['notify', { msg: 'Goal Started', status: 0, goal_id, ...about }],
      ['feedback', { feedback_data: { progress: 1 }, goal_id }],
      ['status', { goal_id, status: 4 }],
    ])
    const result = { status: 4, timestamp: expect.any(Number), result: { seconds: 2 }, error: '' }
    expect((await call('get_result', { goal_id })).data).toEqual(result)
    expect((await call('get_result', { goal_id: '' })).data).toEqual(result)
    const unknown = { status: 0, timestamp: expect.any(Number), result: {}, error: '' }
    expect((await call('get_result', { goal_id: 'nobody' })).data).toEqual(unknown)
  })

  test('cancels as commlib-py was meant to', async () => {
    const hub = freshHub()
    const seen = await watch(hub)
    const call = await pythonClient(hub, v013)
    const robot = await openNode(hub)
    await robot.serve(Move, async (_, { signal }) => {
      await aborted(signal).catch(() => delay(20))
      return { seconds: 1 }
    })
    const { goal_id } = (await call('send_goal', { description: '', goal_data: { x: 2 } })).data
    await vi.waitFor(() => expect(seen).toHaveLength(4))
    const running = { status: 2, timestamp: expect.any(Number), result: {}, error: '' }
    expect((await call('get_result', { goal_id })).data).toEqual(running)
    const refused = await call('send_goal', { description: '', goal_data: { x: 3 } })
    const error = `Cannot make the transition - Goal ${goal_id} is running!`
    expect(refused.data).toEqual({ status: 0, timestamp: expect.any(Number), goal_id: '', error })
    const canceled = await call('cancel_goal', { goal_id, timestamp: 1795229335740952300 })
    expect(canceled.data).toEqual({ status: 1, timestamp: expect.any(Number), result: { seconds: 1 }, error: '' })
    await vi.waitFor(() => expect(seen).toHaveLength(8))
    expect(seen.slice(5)).toEqual([
      ['status', { goal_id, status: 3 }],
      ['status', { goal_id, status: 6 }],
      ['notify', { msg: 'Goal Cancelled', status: 1, goal_id, goal_data: {}, goal_description: '' }],
    ])
    const again = await call('cancel_goal', { goal_id, timestamp: 1 })
    expect(again.data).toMatchObject({ status: 0, result: {} })
  })

  test('has no field too many for commlib-py 0.6', async () => {
    const hub = freshHub()
    const call = await pythonClient(hub, v06)
    const robot = await openNode(hub)
    await robot.serve(Move, () => {
      throw new Error('broken')
    })
    const sent = await call('send_goal', { description: '', goal_data: { x: 2 } })
    expect(sent.header['properties']).toBeDefined()
    expect(Object.keys(sent.data)).toEqual(['status', 'timestamp', 'goal_id'])
    const { goal_id } = sent.data
    await vi.waitFor(async () => expect((await call('get_result', { goal_id })).data['status']).toBe(5))
    expect(Object.keys((await call('get_result', { goal_id })).data)).toEqual(['status', 'timestamp', 'result'])
    expect(Object.keys((await call('cancel_goal', { goal_id })).data)).toEqual(['status', 'timestamp', 'result'])
  })

  test('tells commlib-py 0.13 why a goal was aborted', async () => {
    const hub = freshHub()
    const call = await pythonClient(hub, v013)
    const robot = await openNode(hub)
    await robot.serve(Move, () => {
      throw new Error('no battery')
    })
    const { goal_id } = (await call('send_goal', { description: '', goal_data: { x: 2 } })).data
    await vi.waitFor(async () => expect((await call('get_result', { goal_id })).data['error']).toBe('no battery'))
  })
})
