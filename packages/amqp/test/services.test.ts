import { createNode, type Node, rpc } from '@commlib/core'
import { type Rabbit, startRabbit } from '@commlib/testing'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { amqp, forgetDurable } from '../src/index.ts'
import { after, bytes, connect, eventually, list, other, quiet, run, text, unique } from './support.ts'

let broker: Rabbit
beforeAll(async () => {
  broker = await startRabbit({ own: true })
})
afterAll(() => broker.close())

interface Value {
  readonly n: number
}

async function open(): Promise<Node & { readonly failures: unknown[] }> {
  const failures: unknown[] = []
  const onError = (error: unknown) => void failures.push(error)
  const node = await createNode({ transport: amqp(broker.url), heartbeat: false, onError })
  after(() => node.close())
  return Object.assign(node, { failures })
}

/** A service in a process of its own, which counts what it has answered. */
async function serveApart(name: string, handler: string, options: { concurrency?: number } = {}) {
  const child = run(`
    const node = await createNode({ transport: amqp('${broker.url}'), heartbeat: false })
    await node.serve(rpc('${name}'), ${handler}, ${JSON.stringify(options)})
    console.log('ready')`)
  await child.printed('ready')
  return child
}

describe('a service', () => {
  it('is refused a queue that another connection holds for itself, as commlib-py does, until that has gone', async () => {
    const { transport } = await connect(broker.url)
    const queue = unique()
    const admin = await other(broker)
    await admin.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false })
    await expect(transport.pull(queue, () => {})).rejects.toMatchObject({
      code: 'RESOURCE_LOCKED',
      message: expect.stringMatching(new RegExp(`'${queue}'.*405 RESOURCE_LOCKED`)),
    })
    await admin.deleteQueue(queue)
    await transport.pull(queue, () => {})
  })

  it('is refused a queue that was declared with other arguments, and says which', async () => {
    const { transport } = await connect(broker.url)
    const queue = unique()
    await (await other(broker)).assertQueue(queue, { exclusive: false, autoDelete: true, durable: true })
    await expect(transport.pull(queue, () => {})).rejects.toMatchObject({
      code: 'RESOURCE_LOCKED',
      message: expect.stringMatching(/406 PRECONDITION_FAILED.*durable/),
    })
  })

  it('is given as many requests as it handles at a time, and leaves the others to others', async () => {
    const { transport } = await connect(broker.url)
    const queue = unique()
    let running = 0
    let most = 0
    const done: string[] = []
    const handle = async (frame: Parameters<typeof text>[0]) => {
      most = Math.max(most, ++running)
      await quiet(20)
      running--
      done.push(text(frame))
    }
    await transport.pull(queue, handle, { concurrency: 3 })
    for (const n of list(12)) await transport.push(queue, { body: bytes(n) })
    await eventually(() => expect(done).toHaveLength(12))
    expect(most).toBe(3)
    expect(await (await other(broker)).checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 1 })
  })

  it('runs no request whose caller has given up while it waited', async () => {
    const [a, b] = [await open(), await open()]
    const Slow = rpc<Value, Value>(unique())
    const ran: number[] = []
    await b.serve(
      Slow,
      async value => {
        ran.push(value.n)
        await quiet(300)
        return value
      },
      { concurrency: 1 },
    )
    const call = a.client(Slow)
    const first = call({ n: 0 })
    await eventually(() => expect(ran).toEqual([0]))
    await expect(call({ n: 1 }, { timeout: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    await first
    expect(await call({ n: 2 })).toEqual({ n: 2 })
    expect(ran).toEqual([0, 2])
  })

  it('answers bodies in an envelope in one, and bare ones bare', async () => {
    const b = await open()
    const Add = rpc(unique(), {
      request: Type.Object({ a: Type.Integer(), b: Type.Integer() }),
      response: Type.Object({ sum: Type.Integer() }),
    })
    await b.serve(Add, ({ a, b }) => ({ sum: a + b }))
    const admin = await other(broker)
    const answers: unknown[] = []
    await admin.consume(
      'amq.rabbitmq.reply-to',
      message => void answers.push([message?.properties.correlationId, JSON.parse(String(message?.content))]),
      { noAck: true },
    )
    const ask = (body: unknown, correlationId?: string) =>
      admin.sendToQueue(Add.name, Buffer.from(JSON.stringify(body)), {
        replyTo: 'amq.rabbitmq.reply-to',
        contentType: 'application/json',
        ...(correlationId && { correlationId }),
      })
    const header = { reply_to: 'amq.rabbitmq.reply-to', timestamp: 1, content_type: 'json', encoding: 'utf8' }
    ask({ a: 1, b: 2 }, 'bare')
    ask({ header, data: { a: 3, b: 4 } }, 'enveloped')
    ask({ header, data: { a: 5, b: 6 } })
    await eventually(() => expect(answers).toHaveLength(3))
    expect(answers).toEqual([
      ['bare', { sum: 3 }],
      ['enveloped', { header: expect.objectContaining({ reply_to: '' }), data: { sum: 7 } }],
      [undefined, { header: expect.objectContaining({ reply_to: '' }), data: { sum: 11 } }],
    ])
  })

  it('may answer in an envelope, whatever it was asked in', async () => {
    const a = await open()
    const Add = rpc<{ a: number }, { sum: number }>(unique())
    const admin = await other(broker)
    await admin.assertQueue(Add.name, { autoDelete: true, durable: false })
    await admin.consume(Add.name, message => {
      if (message === null) return
      const { replyTo, correlationId } = message.properties
      const header = { reply_to: '', timestamp: 1, content_type: 'json', encoding: 'utf8', agent: 'commlib' }
      const body = Buffer.from(JSON.stringify({ header, data: { sum: 1 } }))
      admin.sendToQueue(replyTo, body, { correlationId })
      admin.ack(message)
    })
    expect(await a.client(Add)({ a: 1 })).toEqual({ sum: 1 })
  })

  it('takes whatever others write into a message', async () => {
    const b = await open()
    const Double = rpc(unique(), {
      request: Type.Object({ n: Type.Integer() }),
      response: Type.Object({ n: Type.Integer() }),
    })
    await b.serve(Double, ({ n }) => ({ n: 2 * n }))
    const admin = await other(broker)
    const body = Buffer.from('{"n":1}')
    const odd = [
      { contentType: 'application/octet-stream', contentEncoding: 'gzip' },
      { contentType: '', expiration: '60000', timestamp: 2 ** 60 },
      { headers: { number: 1, table: { deep: [1, 2] }, none: null, flag: true } },
      { messageId: '0', userId: 'guest', priority: 9, type: 'x', appId: 'y' },
      { correlationId: 'é'.repeat(127), replyTo: 'amq.rabbitmq.reply-to.nonsense' },
      { replyTo: '' },
    ]
    for (const properties of odd) admin.sendToQueue(Double.name, body, properties)
    for (const wrong of ['', 'x', '\xff\xfe', '{"n":"x"}', '[]', 'null', '{"header":1,"data":2}']) {
      admin.sendToQueue(Double.name, Buffer.from(wrong, 'latin1'), { replyTo: 'amq.rabbitmq.reply-to.nonsense' })
    }
    expect(await (await open()).client(Double)({ n: 4 })).toEqual({ n: 8 })
    await eventually(() => expect(b.failures.length).toBeGreaterThanOrEqual(7))
    for (const failure of b.failures) expect(failure).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
  })

  it('refuses headers, ids and names that AMQP has no room for, and goes on', async () => {
    const { transport, statuses } = await connect(broker.url)
    const topic = unique()
    const got = vi.fn()
    await transport.subscribe(topic, got)
    const body = bytes('x')
    for (const reliable of [false, true]) {
      const headers = { long: 'x'.repeat(65 * 1024) }
      await expect(transport.publish(topic, { body, headers }, { reliable })).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      })
      const correlationId = 'x'.repeat(256)
      await expect(transport.publish(topic, { body, correlationId }, { reliable })).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      })
      await expect(transport.publish('x'.repeat(256), { body }, { reliable })).rejects.toMatchObject({
        code: 'INVALID_TOPIC',
      })
      await transport.publish(topic, { body, headers: { long: 'x'.repeat(60 * 1024) } }, { reliable })
    }
    await eventually(() => expect(got).toHaveBeenCalledTimes(2))
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it('leaves no queue and no consumer when it closes, after 1,000 calls of which half timed out', async () => {
    const [a, b] = [await open(), await open()]
    const Half = rpc<Value, Value>(unique())
    await b.serve(Half, value => (value.n % 2 === 0 ? value : new Promise(() => {})), { concurrency: 2000 })
    const call = a.client(Half)
    const outcomes = await Promise.all(
      list(1000).map(n =>
        call({ n: Number(n) }, { timeout: 2000 }).then(
          () => 'answered',
          error => error.code,
        ),
      ),
    )
    expect(outcomes.filter(each => each === 'answered')).toHaveLength(500)
    expect(outcomes.filter(each => each === 'TIMEOUT')).toHaveLength(500)
    await Promise.all([a.close(), b.close()])
    const left = await broker.ctl(
      'eval',
      '[{rabbit_misc:rs(amqqueue:get_name(Q)), length(rabbit_amqqueue:consumers(Q))} || Q <- rabbit_amqqueue:list(), amqqueue:is_durable(Q) =:= false].',
    )
    expect(left.trim()).toBe('[]')
  })

  it('shares its calls with another of its name, within a fifth, and one that is killed fails only what it had begun', async () => {
    const name = unique()
    // Calls that take time, not processor time: what is asked is how the broker deals, not how the machine does.
    const handler = `async ({ n }) => {
      await new Promise(resolve => setTimeout(resolve, 20))
      return { n, pid: process.pid }
    }`
    const children = [
      await serveApart(name, handler, { concurrency: 10 }),
      await serveApart(name, handler, { concurrency: 10 }),
    ] as const
    const node = await open()
    const call = node.client(rpc<Value, Value & { pid: number }>(name))
    const answers = await Promise.all(list(1000).map(n => call({ n: Number(n) })))
    const counts = new Map<number, number>()
    for (const { pid } of answers) counts.set(pid, (counts.get(pid) ?? 0) + 1)
    expect(counts.size).toBe(2)
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThanOrEqual(100)
    const flying = list(200).map(n => call({ n: Number(n) }, { timeout: 5000 }))
    children[0].kill('SIGKILL')
    const settled = await Promise.allSettled(flying)
    // What it had begun is given to the other.
    expect(settled.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(await call({ n: 5 })).toMatchObject({ n: 5 })
  })
})

describe('a durable subscription', () => {
  it('gets again what its process was handling when it was killed', async () => {
    const [topic, durable] = [unique(), unique()]
    const child = run(`
      const transport = amqp('${broker.url}')
      await transport.connect()
      await transport.subscribe('${topic}', () => {
        console.log('handling')
        return new Promise(() => {})
      }, { durable: '${durable}' })
      console.log('ready')`)
    await child.printed('ready')
    const { transport } = await connect(broker.url)
    await transport.publish(topic, { body: bytes('x') }, { reliable: true })
    await child.printed('handling')
    child.kill('SIGKILL')
    await child.ended
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)), { durable })
    await eventually(() => expect(got).toEqual(['x']))
  })

  it('is a quorum queue, and gone when it is forgotten', async () => {
    const { transport } = await connect(broker.url)
    const [topic, durable] = [unique(), unique()]
    const subscription = await transport.subscribe(topic, () => {}, { durable })
    await subscription.close()
    const queue = `commlib/durable/${durable}`
    expect(await broker.ctl('list_queues', 'name', 'type', '--silent')).toContain(`${queue}\tquorum`)
    await forgetDurable(broker.url, durable)
    await expect((await other(broker)).checkQueue(queue)).rejects.toThrow('404')
  })
})
