import { spawn } from 'node:child_process'
import { once } from 'node:events'
import Type from 'typebox'
import { describe, expect, it, vi } from 'vitest'
import {
  control,
  createEventEmitter,
  createNode,
  createPublisher,
  createRpcClient,
  createRpcService,
  createSubscriber,
  event,
  heartbeat,
  memory,
  rpc,
  type Subscription,
  type Transport,
  topic,
} from '../src/index.ts'
import { deferred, settle, testNode } from './support/nodes.ts'

const Count = topic('count', Type.Object({ n: Type.Integer() }))
const Echo = rpc('echo', { request: Type.Object({ n: Type.Integer() }), response: Type.Object({ n: Type.Integer() }) })

describe('a node', () => {
  it('has a namespace as commlib-py gives it', async () => {
    expect((await testNode({ name: 'my-robot' })).namespace).toBe('my_robot')
    expect((await testNode({ name: 'arm', deviceId: 'dev-1' })).namespace).toBe('thing.dev-1.arm')
    expect((await testNode()).namespace).toMatch(/^[0-9a-f]{32}$/)
  })

  it.each([
    { name: 'a b' },
    { name: '' },
    { deviceId: 'a.b' },
    { wire: '0.7' },
    { heartbeat: { interval: 0 } },
    { heartbeat: { every: 5 } },
    { transport: 'mqtt://localhost' },
    { connectTimeout: -1 },
    { maxMessageBytes: 'big' },
    { nmae: 'x' },
  ])('refuses the options %j, and names the option', async options => {
    const option = Object.keys(options)[0] as string
    await expect(createNode(options as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(option === 'heartbeat' ? '' : option),
    })
  })

  it('is in memory without a transport, and says so once', async () => {
    const info = vi.fn()
    await testNode({ transport: undefined, log: { ...console, info } })
    expect(info).toHaveBeenCalledTimes(1)
  })

  it('shows its ports, and what went through them', async () => {
    const node = await testNode()
    await node.subscribe(Count, () => {})
    await node.serve(Echo, request => request)
    await node.publisher(Count).publish({ n: 1 })
    await node.client(Echo)({ n: 1 })
    await settle()
    expect(node.ports).toMatchObject([
      { direction: 'in', kind: 'subscriber', name: 'count', contract: Count, messages: 1, errors: 0 },
      { direction: 'in', kind: 'rpc-service', name: 'echo', contract: Echo, messages: 1, errors: 0 },
      { direction: 'out', kind: 'publisher', name: 'count', messages: 1 },
      { direction: 'out', kind: 'rpc-client', name: 'echo', messages: 1 },
    ])
  })

  it('stops and starts what receives, and goes on sending', async () => {
    const [robot, other] = [await testNode(), await testNode()]
    const got: number[] = []
    await robot.subscribe(Count, ({ n }) => got.push(n))
    await robot.serve(Echo, request => request)
    await robot.stop()
    expect(robot.state).toBe('stopped')
    await other.publisher(Count).publish({ n: 1 })
    await expect(other.client(Echo)({ n: 1 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    await robot.publisher(Count).publish({ n: 2 })
    await robot.subscribe(topic('later'), () => got.push(99))
    await robot.start()
    expect(robot.state).toBe('running')
    await other.publisher(Count).publish({ n: 3 })
    await other.publisher(topic('later')).publish({})
    expect(await other.client(Echo)({ n: 4 })).toEqual({ n: 4 })
    await vi.waitFor(() => expect(got).toEqual([3, 99]))
    await expect(robot.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('is stopped and started by others, if it allows', async () => {
    const robot = await testNode({ name: 'robot', control: true })
    const operator = await testNode()
    await robot.serve(Echo, request => request)
    const { start, stop } = control('robot')
    expect(await operator.client(stop)({})).toEqual({ status: 0, error: '' })
    expect(robot.state).toBe('stopped')
    expect(await operator.client(stop)({})).toMatchObject({ status: 1, error: expect.stringContaining('stopped') })
    expect(await operator.client(start)({})).toEqual({ status: 0, error: '' })
    expect(await operator.client(Echo)({ n: 1 })).toEqual({ n: 1 })
    await testNode({ name: 'closed' })
    await expect(operator.client(control('closed').stop)({})).rejects.toMatchObject({ code: 'NO_SERVICE' })
  })

  it('sends heartbeats, and others see them', async () => {
    const operator = await testNode()
    const beats: [string, Date][] = []
    await operator.subscribe(heartbeat('*'), ({ ts }, { topic }) => beats.push([topic, ts]))
    await testNode({ name: 'robot', heartbeat: { interval: 10 } })
    await vi.waitFor(() => expect(beats.length).toBeGreaterThan(2))
    for (const [name, ts] of beats) {
      expect(name).toBe('robot.heartbeat')
      expect(Math.abs(ts.getTime() - Date.now())).toBeLessThan(5000)
    }
  })

  it.each([1_795_228_866, 1_795_228_866_000, 1_795_228_866_000_000, 1_795_228_866_000_000_000, '1795228866000'])(
    'reads the heartbeat %s of any version',
    async ts => {
      const node = await testNode()
      const got: Date[] = []
      await node.subscribe(heartbeat('robot'), ({ ts }) => got.push(ts))
      await node.publisher(topic('robot.heartbeat')).publish({ ts })
      await vi.waitFor(() => expect(got).toEqual([new Date(1_795_228_866_000)]))
    },
  )

  it('emits events as commlib-py writes them', async () => {
    const node = await testNode()
    const LightsOn = event('bedroom.lights.on', {
      name: 'TurnOnBedroomLights',
      description: 'all of them',
      payload: Type.Object({ level: Type.Number() }),
    })
    const raw: unknown[] = []
    const got: unknown[] = []
    await node.subscribe(topic('bedroom.lights.on'), message => raw.push(message))
    await node.subscribe(LightsOn, ({ level }, { event }) => got.push([level, event.name]))
    await node.emit(LightsOn, { level: 3 })
    await expect(node.emit(LightsOn, { level: 'x' } as never)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    await vi.waitFor(() => expect(got).toEqual([[3, 'TurnOnBedroomLights']]))
    expect(raw).toEqual([
      { name: 'TurnOnBedroomLights', uri: 'bedroom.lights.on', description: 'all of them', payload: { level: 3 } },
    ])
    // 0.13 has no emitter: its Event is a message with a header.
    await node.publisher(topic('bedroom.lights.on')).publish({ header: { msg_id: '-1' }, payload: { level: 4 } })
    await vi.waitFor(() => expect(got[1]).toEqual([4, 'TurnOnBedroomLights']))
  })

  it('drains: takes no new work, and lets what runs finish', async () => {
    const [robot, operator] = [await testNode(), await testNode()]
    const release = deferred()
    await robot.serve(Echo, async request => {
      await release.promise
      return request
    })
    const call = operator.client(Echo)({ n: 1 })
    await settle()
    const closing = robot.close({ grace: 5000 })
    await settle()
    expect(robot.state).toBe('closing')
    await expect(operator.client(Echo)({ n: 2 })).rejects.toMatchObject({ code: 'NO_SERVICE' })
    release.resolve()
    expect(await call).toEqual({ n: 1 })
    await closing
    expect(robot.state).toBe('closed')
  })

  it('ends its grace, and tells handlers that still run', async () => {
    const [robot, operator] = [await testNode(), await testNode()]
    const told = deferred<unknown>()
    await robot.serve(Echo, (_, { signal }) => {
      signal.addEventListener('abort', () => told.resolve(signal.reason))
      return new Promise(() => {})
    })
    operator
      .client(Echo)({ n: 1 })
      .catch(() => {})
    await settle()
    await robot.close({ grace: 30 })
    expect(await told.promise).toMatchObject({ code: 'CLOSED' })
  })

  it('may be closed twice, and refuses everything afterwards', async () => {
    const node = await testNode()
    await Promise.all([node.close(), node.close()])
    await node[Symbol.asyncDispose]()
    const closed = { code: 'CLOSED' }
    await expect(node.subscribe(Count, () => {})).rejects.toMatchObject(closed)
    await expect(node.serve(Echo, request => request)).rejects.toMatchObject(closed)
    await expect(node.client(Echo)({ n: 1 })).rejects.toMatchObject(closed)
    await expect(node.stop()).rejects.toMatchObject(closed)
  })

  it('survives its own onError and onStatus', async () => {
    const error = vi.fn()
    const fail = () => {
      throw new Error('from the callback')
    }
    const node = await testNode({ onError: fail, onStatus: fail, log: { ...console, error } })
    await node.subscribe(Count, fail)
    await node.publisher(Count).publish({ n: 1 })
    await vi.waitFor(() => expect(error).toHaveBeenCalled())
  })

  it('closes the transport if it cannot connect', async () => {
    const inner = memory('never')
    const close = vi.fn(() => inner.close())
    const connect = () => Promise.reject(new Error('no broker'))
    await expect(createNode({ transport: { ...inner, connect, close } })).rejects.toThrow('no broker')
    expect(close).toHaveBeenCalled()
  })

  it('logs every frame when debugging, and no secrets', async () => {
    const debug = vi.fn()
    const node = await testNode({ debug: true, log: { ...console, debug } })
    const Login = topic<{ user: string; password: string; text: string }>('login')
    await node.subscribe(Login, () => {})
    await node.serve(Echo, request => request)
    await node.publisher(Login).publish({ user: 'ann', password: 'hun"ter2', text: 'x'.repeat(1000) })
    await node.client(Echo)({ n: 1 })
    const lines = debug.mock.calls.map(([line]) => line as string)
    expect(lines.map(line => line.split(' ').slice(1, 5).join(' '))).toEqual(
      expect.arrayContaining([
        'memory → publish login',
        'memory ← message login',
        'memory → push echo',
        'memory ← request echo',
      ]),
    )
    expect(lines.join()).toContain('"user":"ann"')
    expect(lines.join()).not.toContain('ter2')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(400)
  })
})

describe('endpoints without a node', () => {
  it('work on a connected transport', async () => {
    const transport: Transport = memory('bare')
    await transport.connect()
    const open: Subscription[] = []
    const got: unknown[] = []
    const Beep = event('beep', Type.Object({ n: Type.Integer() }))
    open.push(await createSubscriber(transport, Count, message => got.push(message)))
    open.push(await createSubscriber(transport, Beep, message => got.push(message)))
    open.push(await createRpcService(transport, Echo, request => request))
    await createPublisher(transport, Count).publish({ n: 1 })
    await createEventEmitter(transport, Beep).emit({ n: 2 })
    expect(await createRpcClient(transport, Echo)({ n: 3 })).toEqual({ n: 3 })
    await vi.waitFor(() => expect(got).toEqual([{ n: 1 }, { n: 2 }]))
    for (const each of open) await each.close()
    await transport.close()
  })
})

describe('a process', () => {
  const run = (code: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    const exit = once(child, 'exit').then(([exitCode, signal]) => ({ exitCode, signal, output }))
    return {
      child,
      exit,
      printed: (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: 5000 }),
    }
  }
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const served = `
    import { createNode, memory, rpc } from ${index}
    const node = await createNode({ name: 'robot', transport: memory() })
    await node.serve(rpc('echo'), () => new Promise(resolve => setTimeout(resolve, 200, { done: true })))
  `

  it('exits by itself after close', async () => {
    const { exit } = run(`${served}; await node.client(rpc('echo'))({}); await node.close(); console.log('closed')`)
    expect(await exit).toEqual({ exitCode: 0, signal: null, output: 'closed\n' })
  })

  it('drains on SIGTERM and exits', async () => {
    const { child, exit, printed } = run(
      `${served}; const call = node.client(rpc('echo'))({}); call.then(() => console.log('answered'))
       console.log('ready'); await node.runForever(); console.log('drained')`,
    )
    await printed('ready')
    child.kill('SIGTERM')
    expect(await exit).toEqual({ exitCode: 0, signal: null, output: 'ready\nanswered\ndrained\n' })
  })

  it('ends the grace at a second signal', async () => {
    const { child, exit, printed } = run(
      `${served}; await node.serve(rpc('never'), () => new Promise(() => {}))
       node.client(rpc('never'))({}).catch(error => console.log(error.code))
       const running = node.runForever({ grace: 60_000 }); console.log('ready')
       process.on('SIGUSR2', () => console.log(node.state)); await running; process.exit()`,
    )
    await printed('ready')
    child.kill('SIGINT')
    await settle()
    child.kill('SIGINT')
    expect(await exit).toMatchObject({ exitCode: 0, signal: null, output: 'ready\nCLOSED\n' })
  })
})
