import {
  action,
  CommlibError,
  control,
  event,
  GoalStatus,
  heartbeat,
  RemoteError,
  rpc,
  type StandardSchema,
  topic,
} from '@commlib/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bytes, type ComplianceOptions, eventually, gate, quiet, text, unique } from '../bench.ts'
import { createNodeBench, type TestNode } from './bench.ts'
import { unreadable as anyUnreadable, fuzz, unexpected } from './hostile-bodies.ts'

interface Count {
  readonly n: number
}

/** Takes `{ n }`, and nothing else. */
const Count: StandardSchema<Count> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: value => {
      const { n } = (value ?? {}) as { n?: unknown }
      return Number.isInteger(n) ? { value: { n: n as number } } : { issues: [{ message: 'is no count', path: ['n'] }] }
    },
  },
}

const CODES = ['DECODE_FAILED', 'INVALID_MESSAGE', 'MESSAGE_TOO_LARGE']
const FUZZED = 1500

/** What others send, on purpose or by mistake, must not get further than `onError`. */
export function testHostile(options: ComplianceOptions): void {
  const bench = createNodeBench(options)
  // A slow broker would take seconds for the large ones, which are refused for what they are, not for their size.
  const unreadable = anyUnreadable.filter(([, body]) => !options.slow || body.byteLength < 4096)
  const hostile = [...unreadable, ...unexpected]
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => void uncaught.push(error)
  beforeEach(() => {
    process.on('unhandledRejection', onUncaught).on('uncaughtException', onUncaught)
  })
  afterEach(() => {
    process.off('unhandledRejection', onUncaught).off('uncaughtException', onUncaught)
    expect(uncaught.splice(0)).toEqual([])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  /** What was told is ours, says something, and fits on a line of a log. */
  function expectTold({ errors, statuses }: TestNode): void {
    for (const error of errors) {
      expect(error).toBeInstanceOf(CommlibError)
      expect(CODES).toContain((error as CommlibError).code)
      expect((error as CommlibError).message).toMatch(/^[^\p{Cc}]{10,2100}$/u)
    }
    expect(statuses.map(({ type }) => type)).toEqual(['connected'])
  }

  it('is told by a subscriber, a pattern, an event and a watch of heartbeats, which go on', async () => {
    const b = await bench.node()
    const raw = await bench.connect()
    const root = unique()
    const got: unknown[] = []
    const keep = (what: unknown) => void got.push(what)
    await b.subscribe(topic(`${root}.plain`, Count), keep)
    await b.subscribe(topic(`${root}.of.{name}`, Count), keep)
    await b.subscribe(event(`${root}.event`, Count), keep)
    await b.subscribe(heartbeat(`${root}-node`), ({ ts }) => keep(ts.getTime()))
    for (const name of [`${root}.plain`, `${root}.of.x`, `${root}.event`, `${root}-node.heartbeat`]) {
      for (const [, body] of unreadable) await raw.publish(name, { body })
    }
    for (const [, body] of unexpected) await raw.publish(`${root}.plain`, { body })
    for (const ts of ['null', '{}', '[]', 'true', '"x"', '-1', '1e300', '[5]', '""']) {
      await raw.publish(`${root}-node.heartbeat`, { body: bytes(`{"ts":${ts}}`) })
    }
    await raw.publish(`${root}.plain`, { body: bytes('{"n":1}') })
    await raw.publish(`${root}.of.x`, { body: bytes('{"n":2,"n":3}') })
    await raw.publish(`${root}.event`, { body: bytes('{"payload":{"n":4}}') })
    await raw.publish(`${root}-node.heartbeat`, { body: bytes('{"ts":1700000000000}') })
    // Each topic has an order of its own.
    const readable = [{ n: 1 }, { n: 3 }, { n: 4 }, 1_700_000_000_000]
    await eventually(() => expect(got).toEqual(expect.arrayContaining(readable)))
    expect(got).toHaveLength(readable.length)
    await eventually(() => expect(b.errors).toHaveLength(4 * unreadable.length + unexpected.length + 9))
    expect(b.errors).toHaveLength(4 * unreadable.length + unexpected.length + 9)
    expectTold(b)
  })

  it('is told by a service, its cancelling and the control of a node, which go on', async () => {
    const [a, b] = [await bench.node(), await bench.node({ name: unique(), control: true })]
    const raw = await bench.connect()
    const Double = rpc(`${unique()}.double`, { request: Count, response: Count })
    await b.serve(Double, ({ n }) => ({ n: 2 * n }), { concurrency: 2 })
    for (const [, body] of hostile) {
      await raw.push(Double.name, { body })
      await raw.publish(`${Double.name}._cancel`, { body })
      await raw.push(`${b.namespace}.stop`, { body })
    }
    const double = a.client(Double)
    expect(await double({ n: 2 })).toEqual({ n: 4 })
    await expect(double({ n: 0.5 })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    expect(b.state).toBe('running')
    // Topics may be later than queues, and what comes after the stop is not heard.
    await eventually(() => expect(b.errors).toHaveLength(3 * hostile.length))
    expect(await a.client(control(b.namespace).stop)({})).toMatchObject({ status: 0 })
    expect(b.errors).toHaveLength(3 * hostile.length)
    expectTold(b)
  })

  it('is told by both sides of an action, which go on', async () => {
    const [a, b] = await bench.nodes()
    const raw = await bench.connect()
    const Move = action(`${unique()}.move`, { goal: Count, feedback: Count, result: Count })
    const held = gate()
    bench.after(held.open)
    await b.serve(Move, async ({ n }, { feedback }) => {
      await feedback({ n })
      await held.opened
      return { n: n + 1 }
    })
    for (const call of ['send_goal', 'cancel_goal', 'get_result']) {
      for (const [, body] of hostile) await raw.push(`${Move.name}.${call}`, { body })
    }
    const goal = await a.client(Move)({ n: 1 })
    for (const part of ['status', 'feedback'])
      for (const [, body] of hostile) await raw.publish(`${Move.name}.${part}`, { body })
    const id = JSON.stringify(goal.id)
    for (const status of ['"x"', '99', '-1', 'null', '{}', '[4]', '1e400']) {
      await raw.publish(`${Move.name}.status`, { body: bytes(`{"goal_id":${id},"status":${status}}`) })
    }
    await raw.publish(`${Move.name}.feedback`, { body: bytes(`{"goal_id":${id},"feedback_data":{"n":"x"}}`) })
    // Somebody else's goals, and an end of ours that is not true.
    await raw.publish(`${Move.name}.status`, { body: bytes('{"goal_id":"other","status":5}') })
    await raw.publish(`${Move.name}.feedback`, { body: bytes('{"goal_id":"other","feedback_data":{"n":5}}') })
    await raw.publish(`${Move.name}.status`, { body: bytes(`{"goal_id":${id},"status":4}`) })
    await quiet()
    expect(goal.status).toBe(GoalStatus.EXECUTING)
    const start = performance.now()
    held.open()
    expect(await goal.result).toEqual({ n: 2 })
    expect(performance.now() - start).toBeLessThan(1000)
    const feedback: Count[] = []
    for await (const each of goal) feedback.push(each)
    expect(feedback).toEqual([{ n: 1 }])
    expect(b.errors.length).toBeGreaterThanOrEqual(3 * unreadable.length)
    expect(a.errors.length).toBeGreaterThanOrEqual(2 * unreadable.length)
    for (const node of [a, b]) expectTold(node)
  })

  it('ends the call that it answers, and no other', async () => {
    const a = await bench.node()
    const raw = await bench.connect()
    const Ask = rpc(`${unique()}.ask`, { request: Count, response: Count })
    const answers: Uint8Array[] = [...hostile.map(([, body]) => body)]
    const addresses: Array<readonly [address: string, token: string | undefined]> = []
    await raw.pull(Ask.name, async frame => {
      const asked = JSON.parse(text(frame)) as { header?: { reply_to: string; correlation_id: string } }
      const address = frame.replyTo ?? asked.header?.reply_to ?? ''
      const correlationId = frame.correlationId ?? asked.header?.correlation_id
      addresses.push([address, correlationId])
      const answer = (body: Uint8Array) => raw.push(address, { body, correlationId })
      const next = answers.shift()
      if (next !== undefined) return answer(next)
      // The answers to calls that are over, to nobody's, and this one's, twice.
      const good = wire(asked.header !== undefined, { n: addresses.length })
      for (const [to, token] of addresses.slice(0, -1))
        await raw.push(to, { body: bytes('{"n":0}'), correlationId: token })
      await raw.push(`${address}x`, { body: good, correlationId: `${correlationId}x` })
      await answer(good)
      await answer(wire(asked.header !== undefined, { n: -1 }))
    })
    const ask = a.client(Ask, { timeout: 3000 })
    for (const [what] of hostile) {
      const error = await ask({ n: 1 }).catch(thrown => thrown)
      expect(CODES, `${what}: ${error}`).toContain(error.code)
    }
    for (let i = 1; i <= 3; i++) expect(await ask({ n: 1 })).toEqual({ n: hostile.length + i })
    expect(a.errors).toEqual([])
    expectTold(a)
  })

  it('cannot make a service answer to what is no return address', async () => {
    const [a, b] = await bench.nodes()
    const raw = await bench.connect()
    const Echo = rpc<Count, Count>(`${unique()}.echo`)
    await b.serve(Echo, ({ n }) => ({ n }))
    const long = 'x'.repeat(70_000)
    const forged = [
      'rpc-x/#',
      'rpc-x.*',
      '+',
      '#',
      '*',
      '$SYS/broker',
      '$share/a/b',
      '..',
      'a..b',
      'a//b',
      '/',
      ' ',
      'a b',
      '%23',
    ]
    for (const replyTo of [...forged, 'rpc-\u0000', 'rpc-\u001b[31m', 'rpc-ä\ud800', long, 5, null, {}, ['rpc-x']]) {
      await raw.push(Echo.name, { body: envelope({ reply_to: replyTo }, { n: 1 }) })
    }
    const strange = [long, `\u0000${'ä'.repeat(70_000)}`, '\ud800', 'x', 5, {}]
    for (const id of strange)
      await raw.push(Echo.name, { body: envelope({ reply_to: 'rpc-nobody', correlation_id: id }, { n: 1 }) })
    for (const timeout of ['x', -1, 1e300, null]) {
      await raw.push(Echo.name, { body: envelope({ reply_to: 'rpc-nobody', timeout }, { n: 1 }) })
    }
    expect(await a.client(Echo)({ n: 7 })).toEqual({ n: 7 })
    await quiet()
    expect(b.errors.length).toBeGreaterThanOrEqual(forged.length)
    expectTold(b)
  })

  it('does not keep a service busy by errors that are too long to be sent', async () => {
    const a = await bench.node()
    const b = await bench.node({ maxMessageBytes: 2000 })
    const Fail = rpc<Count, Count>(`${unique()}.fail`)
    await b.serve(
      Fail,
      ({ n }) => {
        if (n > 0) throw Object.assign(new Error('x'.repeat(100_000)), { code: 'E_LONG' })
        return { n }
      },
      { concurrency: 1 },
    )
    const fail = a.client(Fail)
    await Promise.all([1, 2, 3].map(n => expect(fail({ n }, { timeout: 300 })).rejects.toBeInstanceOf(CommlibError)))
    expect(await fail({ n: 0 })).toEqual({ n: 0 })
  })

  it('arrives cut from a handler whose errors quote what they were sent', async () => {
    const [a, b] = await bench.nodes()
    const Fail = rpc<Count, Count>(`${unique()}.fail`)
    await b.serve(Fail, () => {
      throw new Error(`\u001b[31m\nfake line ${'x'.repeat(100_000)}`)
    })
    const error = await a
      .client(Fail)({ n: 1 })
      .catch(thrown => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error.message).toMatch(/^\\u001b\[31m\\u000afake line x{100,3000}…$/)
    expect(error.remote.message).toHaveLength(8192)
  })

  it(`is told and forgotten, whatever it is: ${FUZZED} fuzzed bodies`, async () => {
    const [a, b] = await bench.nodes()
    const raw = await bench.connect()
    const root = unique()
    const Counts = topic(`${root}.counts`, Count)
    const Double = rpc(`${root}.double`, { request: Count, response: Count })
    const Move = action(`${root}.move`, { goal: Count, feedback: Count, result: Count })
    const Switch = event(`${root}.switch`, Count)
    const got: Count[] = []
    await b.subscribe(Counts, count => void got.push(count))
    await b.subscribe(Switch, () => {})
    await b.serve(Double, ({ n }) => ({ n: 2 * n }))
    await b.serve(Move, ({ n }) => ({ n }), { policy: 'parallel', limit: 1000 })
    const topics = [Counts.name, Switch.uri, `${Double.name}._cancel`, `${Move.name}.status`, `${Move.name}.feedback`]
    const queues = [Double.name, ...['send_goal', 'cancel_goal', 'get_result'].map(call => `${Move.name}.${call}`)]
    await (await a.client(Move)({ n: 1 })).result
    let i = 0
    for (const body of fuzz(GOOD, FUZZED)) {
      const at = i++ % (topics.length + queues.length)
      if (at < topics.length) await raw.publish(topics[at] as string, { body })
      else await raw.push(queues[at - topics.length] as string, { body })
    }
    await raw.publish(Counts.name, { body: bytes('{"n":424242}') })
    await eventually(() => expect(got.at(-1)).toEqual({ n: 424_242 }), 20_000)
    expect(await a.client(Double)({ n: 4 })).toEqual({ n: 8 })
    expect(await (await a.client(Move)({ n: 3 })).result).toEqual({ n: 3 })
    expect(b.errors.length).toBeGreaterThan(FUZZED / 10)
    for (const node of [a, b]) expectTold(node)
  })
}

/** What fuzzed bodies are made of. */
const GOOD = [
  '{"n":1}',
  '{"header":{"reply_to":"rpc-0123456789abcdef0123456789abcdef","timestamp":1795228810238658767,"content_type":"json","encoding":"utf8","agent":"commlib","correlation_id":"abc","timeout":1000},"data":{"n":3}}',
  '{"header":{"timestamp":1795228863425,"reply_to":"rpc-734a","properties":{"content_type":"application/json","content_encoding":"utf8"}},"data":{"n":4}}',
  '{"header":{"reply_to":"rpc-1","goal_id":"abc"},"data":{"description":"","goal_data":{"n":2}}}',
  '{"header":{"reply_to":"rpc-1"},"data":{"goal_id":"abc"}}',
  '{"goal_id":"abc","status":4}',
  '{"feedback_data":{"n":5},"goal_id":"abc"}',
  '{"name":"a","uri":"b","description":"c","payload":{"n":6}}',
  '{"correlation_id":"abc"}',
]

function envelope(header: object, data: unknown): Uint8Array {
  return bytes(JSON.stringify({ header, data }))
}

/** An answer as this transport has them. */
function wire(enveloped: boolean, data: unknown): Uint8Array {
  return enveloped ? envelope({ reply_to: '' }, data) : bytes(JSON.stringify(data))
}
