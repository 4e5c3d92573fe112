import { describe, expect, it } from 'vitest'
import { deflate } from '../../src/deflate.ts'
import {
  action,
  type CommlibError,
  createActionClient,
  createActionService,
  createNode,
  createPublisher,
  createRpcClient,
  createRpcService,
  createSubscriber,
  event,
  heartbeat,
  json,
  memory,
  type NodeOptions,
  rpc,
  topic,
  transportFor,
} from '../../src/index.ts'
import { remoteLogger } from '../../src/logging.ts'
import { testNode } from '../support/nodes.ts'

type Table = Readonly<Record<string, readonly unknown[]>>

const NUMBERS = [-1, Number.NaN, '5', null, true, {}, 1n]
const COUNTS = [...NUMBERS, 0, 1.5]
const FLAGS = ['yes', 1, 0, null, {}]
const FUNCTIONS = ['f', 1, null, {}]
const SIGNALS = ['stop', 1, null, {}, true]
const NAMES = ['', ' ', 'a b', 'a/b', 'a#', '+', '\n', 5, null, {}, 'x'.repeat(201)]
const TEXTS = [5, null, {}, [], true]

/** What an error says of a value. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 80)}`.replaceAll('\n', '\\u000a')
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Each wrong value of each option, and an option that there is not, are refused in words that help. */
function refuses(owner: string, attempt: (options: never) => unknown, table: Table, prefix = ''): void {
  const cases = Object.entries(table).flatMap(([option, values]) => values.map(value => [option, value] as const))
  it.each(cases)(`${owner} refuses ${prefix}%s: %o`, async (option, value) => {
    const error = await (async () => attempt({ [option]: value } as never))().then(
      () => new Error('it was taken'),
      (thrown: CommlibError) => thrown,
    )
    expect(error).toMatchObject({ name: 'CommlibError', code: expect.stringMatching(/^INVALID_(OPTION|TOPIC)$/) })
    const topical = 'code' in error && error.code === 'INVALID_TOPIC'
    if (!topical) expect(error.message).toContain(`${prefix}${option} must be`)
    expect(error.message).toContain(`not ${topical ? 'a topic: ' : ''}${shown(value)}`)
  })

  it(`${owner} refuses ${prefix}an option that there is not, and options that are none`, async () => {
    const attempted = async (options: unknown) => attempt(options as never)
    const unknown = { code: 'INVALID_OPTION', message: expect.stringContaining("has no option 'tiemout': it takes ") }
    await expect(attempted({ tiemout: 5 })).rejects.toMatchObject(unknown)
    const [known = ''] = Object.keys(table)
    await expect(attempted({ tiemout: 5 })).rejects.toThrow(known)
    for (const none of [null, 5, 'x', true]) {
      // A text is an URL or a handler's place elsewhere.
      if (typeof none === 'string' && owner === 'memory') continue
      await expect(attempted(none)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    }
  })
}

const Topic = topic('a.b')
const Pattern = topic('a.{b}')
const Rpc = rpc('a.rpc')
const Action = action('a.action')
const never = () => {}

/** Nothing here gets as far as needing a connection. */
const transport = memory('options')

describe('options', () => {
  refuses('createNode', options => createNode(nodeOptions(options)), {
    name: ['', 'a.b', 'a b', '*', 'a/b', 5, null],
    deviceId: ['', 'a.b', '+', 5, null],
    transport: ['mqtt://localhost', 5, null, {}, { connect: never }],
    codec: ['json', null, {}, { encode: never }],
    wire: ['0.11', 0.6, null],
    maxMessageBytes: [...NUMBERS, 0],
    heartbeat: [true, 5, 'x'],
    control: FLAGS,
    debug: FLAGS,
    log: [null, true, 'console', {}, { info: never }],
    onStatus: FUNCTIONS,
    onError: FUNCTIONS,
    connectTimeout: NUMBERS,
    waitForBroker: FLAGS,
    signal: SIGNALS,
  })
  const beating = (options: object) => createNode({ transport: memory('options'), heartbeat: options })
  refuses(
    'heartbeat',
    beating,
    { topic: ['a..b', 'a.*', '', 5], interval: [...NUMBERS, 0, Infinity, 2 ** 31] },
    'heartbeat.',
  )
  const delivery = { reliable: FLAGS, latched: FLAGS }
  refuses('topic', options => topic('a.b', { type: 'object' } as never, options), delivery)
  refuses('event', options => event('a.b', options), { name: TEXTS, description: TEXTS })
  refuses('subscribe', options => createSubscriber(transport, Topic, never, options), {
    ...delivery,
    signal: SIGNALS,
    maxBuffered: COUNTS,
    group: NAMES,
    durable: NAMES,
    member: NAMES,
    retries: [...NUMBERS, 1.5],
    handlerTimeout: NUMBERS,
  })
  const publisher = createPublisher(transport, Topic)
  refuses('publish', options => publisher.publish({}, options), { ...delivery, signal: SIGNALS, topic: TEXTS })
  refuses('serve', options => createRpcService(transport, Rpc, never as never, options), {
    concurrency: COUNTS,
    maxQueued: [...NUMBERS, 1.5],
    signal: SIGNALS,
  })
  refuses('client', options => createRpcClient(transport, Rpc, options), { timeout: NUMBERS, maxPending: COUNTS })
  const call = createRpcClient(transport, Rpc)
  refuses('call', options => call({}, options), { timeout: NUMBERS, signal: SIGNALS })
  refuses('serve (an action)', options => createActionService(transport, Action, never as never, options), {
    policy: ['first', 5, null],
    limit: COUNTS,
    maxQueued: [...NUMBERS, 1.5],
    retain: [],
    cancelGrace: NUMBERS,
    cancelable: FLAGS,
    signal: SIGNALS,
  })
  const retaining = (retain: object) => createActionService(transport, Action, never as never, { retain })
  refuses('retain', retaining, { time: NUMBERS, count: COUNTS }, 'retain.')
  refuses('client (of an action)', options => createActionClient(transport, Action, options), {
    timeout: NUMBERS,
    serviceTimeout: NUMBERS,
    maxBuffered: COUNTS,
  })
  const send = createActionClient(transport, Action)
  const attaching = { timeout: NUMBERS, signal: SIGNALS, onFeedback: FUNCTIONS }
  refuses('goal', options => send({}, options), { ...attaching, id: ['', 'a b', '+/#', 5, null], description: TEXTS })
  refuses('attach', options => send.attach('id', options), attaching)
  refuses('memory', options => memory(options), { hub: ['', 5, null, {}], maxMessages: COUNTS })
  refuses('deflate', options => deflate(json, options), { level: [-2, 10, 1.5, '6'], maxInflatedBytes: COUNTS })

  it('of close and of a remote logger are refused as well', async () => {
    const node = await testNode()
    await refusing(node.close({ grace: -1 }), 'grace must be a number of at least 0, not -1')
    await refusing(node.close({ grcae: 1 } as never), "close has no option 'grcae': it takes grace")
    expect(() => remoteLogger(node, { topic: 'a..b' })).toThrow("not a topic: 'a..b'")
    expect(() => remoteLogger(node, { local: {} as never })).toThrow('local must be a logger')
    expect(() => deflate({} as never)).toThrow('the codec of deflate must be a codec')
  })

  it('may be endless', async () => {
    const node = await testNode()
    await node.serve(Rpc, () => new Promise(resolve => setTimeout(resolve, 20, {})))
    await node.client(Rpc, { timeout: Infinity })({})
    await node.client(Rpc)({}, { timeout: 2 ** 40 })
    const got: unknown[] = []
    await node.subscribe(
      Topic,
      async message => {
        await new Promise(resolve => setTimeout(resolve, 20))
        got.push(message)
      },
      { handlerTimeout: 2 ** 40 },
    )
    await node.publisher(Topic).publish({ n: 1 })
    await node.close({ grace: Infinity })
    expect([got, node.errors]).toEqual([[{ n: 1 }], []])
  })
})

function nodeOptions(options: unknown): NodeOptions {
  const given = typeof options === 'object' && options !== null
  return given ? { transport: memory('options'), ...options } : (options as NodeOptions)
}

async function refusing(attempt: Promise<unknown>, message: string): Promise<void> {
  await expect(attempt).rejects.toMatchObject({ code: 'INVALID_OPTION', message })
}

describe('handlers', () => {
  it.each([undefined, null, 'handler', {}, 5])('that are %s are refused', async handler => {
    const refused = { code: 'INVALID_OPTION', message: expect.stringMatching(/handler.* must be a function/) }
    await expect(createRpcService(transport, Rpc, handler as never)).rejects.toMatchObject(refused)
    await expect(createActionService(transport, Action, handler as never)).rejects.toMatchObject(refused)
  })
})

describe('names', () => {
  const bad = [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a/b',
    'a+',
    '#',
    '$SYS.a',
    'a\n',
    'a\u0000',
    'ä',
    'a.{',
    '{a}{b}',
    5,
    null,
    {},
  ]
  it.each(bad)('refuse %o, which the error shows', name => {
    const refused = expect.objectContaining({ code: 'INVALID_TOPIC', message: expect.stringContaining('not a topic') })
    for (const make of [topic, rpc, action, event] as Array<(name: string) => unknown>) {
      expect(() => make(name as string)).toThrow(refused)
    }
    expect(() => heartbeat(name as string)).toThrow(refused)
  })

  it.each(['a.*', 'a.{b}', '{rest...}'])('of calls, actions and events are no patterns: %s', name => {
    for (const make of [rpc, action, event] as Array<(name: string) => unknown>) expect(() => make(name)).toThrow(name)
  })

  it.each(['x.y', 'a', 'a.b.c', 'a..', 'a.#'])('published to must match: %s', async name => {
    const refused = { code: 'INVALID_TOPIC', message: expect.stringContaining(`'${name}'`) }
    await expect(createPublisher(transport, Pattern).publish({}, { topic: name })).rejects.toMatchObject(refused)
  })

  it.each(['x.y', '', '*', 'a/b', '{b}', undefined])('are not made of the capture %o', async b => {
    const publishing = createPublisher(transport, Pattern).publish({}, { params: { b: b as string } })
    await expect(publishing).rejects.toMatchObject({
      code: 'INVALID_TOPIC',
      message: expect.stringMatching(/'a\..*'/),
    })
  })
})

describe('URLs', () => {
  it.each(['', 'localhost', '//anna:sesame@host', 'anna sesame@host', '1anna:sesame@host', '://sesame@host', 5, null])(
    'that are none are refused: %o',
    url => {
      const message = expect.stringMatching(/^not a broker URL: (?!.*sesame).* \(such as mqtt:\/\/localhost\)$/)
      expect(() => transportFor(url as string, [memory])).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message }),
      )
    },
  )

  it('of another broker name what to install, and not the password', () => {
    const message = "no transport for 'amqp:' among memory: npm install @commlib/amqp, and give its factory"
    expect(() => transportFor('amqp://anna:sesame@host', [memory])).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message }),
    )
  })

  it.each([undefined, memory, [{}], ['mqtt']])('need factories, not %o', factories => {
    expect(() => transportFor('memory://x', factories as never)).toThrow('the factories must be an array')
  })
})
