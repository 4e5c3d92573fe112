import { action, createNode, GoalStatus, type Node, rpc, topic } from '@commlib/core'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mqtt } from '../src/index.ts'
import { after, bytes, connect, eventually, list, quiet, run, text } from './support.ts'

interface Value {
  readonly n: number
}

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto({ persistence: true })
})
afterAll(() => broker.close())

const unique = () => `p${Math.random().toString(36).slice(2)}`

async function open(protocolVersion: 4 | 5): Promise<Node> {
  const transport = mqtt(broker.url, { protocolVersion })
  const node = await createNode({ transport, heartbeat: false, onError: () => {} })
  after(() => node.close())
  return node
}

describe.each([5, 4] as const)('a process, in MQTT %i', protocolVersion => {
  const transport = () => `mqtt('${broker.url}', { protocolVersion: ${protocolVersion} })`

  it('that gets SIGTERM finishes 100 calls and 3 goals, takes nothing new, and exits with 0', async () => {
    const [hold, work] = [unique(), unique()]
    const child = run(`
      const node = await createNode({ transport: ${transport()}, heartbeat: false })
      const pause = () => new Promise(resolve => setTimeout(resolve, 800))
      let running = 0
      const handler = async value => {
        if (++running === 103) console.log('busy')
        await pause()
        return value
      }
      await node.serve(rpc('${hold}'), handler)
      await node.serve(action('${work}'), handler, { policy: 'parallel' })
      console.log('ready')
      await node.runForever({ grace: 5000 })
      console.log('done ' + running)`)
    await child.printed('ready')
    const node = await open(protocolVersion)
    const call = node.client(rpc<Value, Value>(hold))
    const send = node.client(action<Value, Value, Value>(work))
    const goals = await Promise.all([1, 2, 3].map(n => send({ n })))
    const calls = list(100).map(n => call({ n: Number(n) }))
    await child.printed('busy')
    child.kill('SIGTERM')
    await eventually(async () => {
      const refused = await call({ n: -1 }, { timeout: 100 }).catch(error => error.code)
      expect(refused).toMatch(/^(NO_SERVICE|TIMEOUT)$/)
    })
    expect(await Promise.all(calls)).toEqual(list(100).map(n => ({ n: Number(n) })))
    expect((await Promise.all(goals.map(goal => goal.outcome))).map(({ status }) => status)).toEqual(
      Array(3).fill(GoalStatus.SUCCEEDED),
    )
    expect(await child.ended).toBe(0)
  })

  it('of three that serve one name is replaced under load, one after the other, and no call fails', async () => {
    const name = unique()
    const start = async () => {
      const child = run(`
        const node = await createNode({ transport: ${transport()}, heartbeat: false })
        await node.serve(rpc('${name}'), async value => {
          await new Promise(resolve => setTimeout(resolve, 3))
          return value
        })
        console.log('ready')
        await node.runForever({ grace: 5000 })`)
      await child.printed('ready')
      return child
    }
    const services = await Promise.all([start(), start(), start()])
    const node = await open(protocolVersion)
    const echo = node.client(rpc<Value, Value>(name))
    let stop = false
    let made = 0
    const failed: unknown[] = []
    const callers = list(20).map(async () => {
      while (!stop) {
        const n = made++
        const answer = await echo({ n }, { timeout: 2000 }).catch(error => error)
        if (answer?.n !== n) failed.push(answer)
      }
    })
    for (const service of services) {
      const before = made
      service.kill('SIGTERM')
      expect(await service.ended).toBe(0)
      await start()
      await eventually(() => expect(made).toBeGreaterThan(before + 100))
    }
    stop = true
    await Promise.all(callers)
    expect(failed).toEqual([])
  })

  it('that is killed while it handles a durable message gets it again when it is back', async () => {
    const [name, durable] = [unique(), unique()]
    const subscriber = (handle: string) =>
      run(`
        const node = await createNode({ transport: ${transport()}, heartbeat: false })
        await node.subscribe(topic('${name}'), async ({ n }) => { ${handle} }, { durable: '${durable}' })
        console.log('ready')`)
    const first = subscriber(`
      console.log(n)
      if (n === 2) await new Promise(() => setInterval(() => {}, 1000))`)
    await first.printed('ready')
    const node = await open(protocolVersion)
    const publisher = node.publisher(topic<Value>(name))
    for (const n of [0, 1]) await publisher.publish({ n }, { reliable: true })
    await first.printed('1')
    // What it acknowledges is on its way.
    await quiet()
    for (const n of [2, 3]) await publisher.publish({ n }, { reliable: true })
    await first.printed('2')
    first.kill('SIGKILL')
    expect(await first.ended).toBe('SIGKILL')
    await publisher.publish({ n: 4 }, { reliable: true })
    const second = subscriber('console.log(n)')
    await second.printed('4')
    expect(first.lines).toEqual(['ready', '0', '1', '2'])
    expect(second.lines.filter(line => line !== 'ready')).toEqual(['2', '3', '4'])
  })

  it('that sent a goal is killed, and another one follows the goal to its end', async () => {
    const name = unique()
    const Work = action<Value, Value, Value>(name)
    const service = await open(protocolVersion)
    let go = () => {}
    const held = new Promise<void>(resolve => {
      go = resolve
    })
    await service.serve(Work, async function* ({ n }) {
      yield { n: 1 }
      await held
      yield { n: 2 }
      return { n }
    })
    const first = run(`
      const node = await createNode({ transport: ${transport()}, heartbeat: false })
      const goal = await node.client(action('${name}'))({ n: 7 }, { id: '${name}' })
      for await (const { n } of goal) console.log('feedback ' + n)`)
    await first.printed('feedback 1')
    first.kill('SIGKILL')
    await first.ended
    const goal = await (await open(protocolVersion)).client(Work).attach(name)
    expect(goal.status).toBe(GoalStatus.EXECUTING)
    go()
    const feedback: number[] = []
    for await (const { n } of goal) feedback.push(n)
    expect(feedback).toEqual([2])
    expect(await goal.result).toEqual({ n: 7 })
  })

  it('that works on a goal is killed and starts again, which the client of the goal is told', async () => {
    const name = unique()
    const serve = () =>
      run(`
        const node = await createNode({ transport: ${transport()}, heartbeat: false })
        await node.serve(action('${name}'), ({ n }) => {
          console.log(n)
          return n === 0 ? new Promise(() => {}) : { n }
        })
        console.log('ready')`)
    const first = serve()
    await first.printed('ready')
    const work = (await open(protocolVersion)).client(action<Value, Value, Value>(name))
    const goal = await work({ n: 0 })
    await first.printed('0')
    first.kill('SIGKILL')
    await serve().printed('ready')
    expect(await goal.outcome).toMatchObject({ error: { code: 'GOAL_ABORTED', cause: { code: 'GOAL_UNKNOWN' } } })
    expect(await (await work({ n: 1 })).result).toEqual({ n: 1 })
  })
})

it('a service that leaves still gets what the broker holds back for it', async () => {
  const name = unique()
  const stayed: string[] = []
  const left: string[] = []
  // Each publisher has twenty unconfirmed messages at most, too.
  const from = await Promise.all(list(10).map(() => connect(broker.url)))
  const [b, c] = [await connect(broker.url), await connect(broker.url)]
  await b.transport.pull(name, frame => void stayed.push(text(frame)))
  let closed: Promise<void> | undefined
  const leaving = await c.transport.pull(name, frame => {
    left.push(text(frame))
    closed ??= leaving.close()
  })
  // Confirmed, and so delivered at QoS 1: mosquitto gives a client twenty at a time.
  const push = ({ transport }: (typeof from)[number]) =>
    list(60).map(n => transport.push(name, { body: bytes(n) }, { mandatory: true }))
  const pushed = Promise.all(from.flatMap(push))
  await eventually(() => expect(closed).toBeDefined())
  await closed
  const { length } = left
  await pushed
  await eventually(() => expect(left.length + stayed.length).toBe(600))
  // What came after it had closed would have been lost.
  expect(left).toHaveLength(length)
})
