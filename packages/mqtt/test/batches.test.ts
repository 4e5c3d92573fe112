import { dedup, topic } from '@commlib/core'
import { CommlibError, type Driver, json, type LinkEvents, type TransportStatus } from '@commlib/core/internal'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import mqttjs from 'mqtt'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MqttOptions } from '../src/index.ts'
import { batchMessages } from '../src/message-batches.ts'
import { after, bytes, eventually, list, openNode, unique } from './support.ts'

const Text = Type.Object({ text: Type.String() })

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto()
})
afterAll(() => broker.close())

const open = (options: MqttOptions = {}, url = broker.url) => openNode(url, options)

/** The packets on a topic, as another program hears them. */
async function watch(name: string, url = broker.url) {
  const client = await mqttjs.connectAsync(url, { protocolVersion: 5 })
  after(() => client.endAsync())
  const heard: Array<{ readonly type: string | undefined; readonly body: string }> = []
  client.on('message', (_, body, { properties }) =>
    heard.push({ type: properties?.contentType, body: body.toString('latin1') }),
  )
  await client.subscribeAsync(name.replaceAll('.', '/'))
  return { client, heard }
}

const Batched = (name: string, reliable = false) => topic(name, Text, { batch: true, reliable })

describe.each([
  ['best-effort', false],
  ['reliable', true],
] as const)('%s messages of one turn that may share packets', (_, reliable) => {
  it('do, and arrive in order', async () => {
    const [{ node: a }, { node: b, errors }] = [await open(), await open()]
    const Contract = Batched(unique(), reliable)
    const { heard } = await watch(Contract.name)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    const { publish } = a.publisher(Contract)
    await Promise.all(list(500).map(text => publish({ text })))
    await eventually(() => expect(got).toEqual(list(500)))
    await eventually(() => expect(heard.some(({ type }) => type === 'application/vnd.commlib.batch')).toBe(true))
    expect(heard.length).toBeLessThan(20)
    expect(errors).toEqual([])
  })

  it('come whole and in order whatever their sizes, with others between them', async () => {
    const [{ node: a }, { node: b }] = [await open(), await open()]
    const Contract = Batched(unique(), reliable)
    const sizes = [0, 1, 900, 1000, 1010, 1023, 1024, 1025, 2000, 8000, 8192, 9000, 70_000]
    const texts = list(300).map((n, i) => `${n} ${'ä'.repeat((sizes[i % sizes.length] as number) / 2)}`)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    const { publish } = a.publisher(Contract)
    await Promise.all(texts.map((text, i) => publish({ text }, i % 50 === 49 ? { batch: false } : {})))
    await eventually(() => expect(got).toHaveLength(300))
    expect(got.every((text, i) => text === texts[i])).toBe(true)
  })

  it('go to the topic of each, over a pattern', async () => {
    const [{ node: a }, { node: b }] = [await open(), await open()]
    const Contract = topic(`${unique()}.{part}`, Text)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }, { params }) => got.push(`${params.part} ${text}`))
    const { publish } = a.publisher(Contract)
    const parts = ['left', 'right']
    await Promise.all(
      list(100).flatMap(text => parts.map(part => publish({ text }, { params: { part }, batch: true, reliable }))),
    )
    await eventually(() => expect(got).toHaveLength(200))
    for (const part of parts)
      expect(got.filter(each => each.startsWith(part))).toEqual(list(100).map(text => `${part} ${text}`))
  })

  it('are sent alone where nothing shares their turn', async () => {
    const { node: a } = await open()
    const Contract = Batched(unique(), reliable)
    const { heard } = await watch(Contract.name)
    const { publish } = a.publisher(Contract)
    for (const text of list(5)) {
      await publish({ text })
      await new Promise(resolve => setImmediate(resolve))
    }
    await eventually(() => expect(heard.map(({ body }) => body)).toEqual(list(5).map(text => JSON.stringify({ text }))))
  })

  it('are sent alone with MQTT 3.1.1, and are read by nobody who speaks it', async () => {
    const [{ node: old, errors }, { node: a }, { node: b }] = [
      await open({ protocolVersion: 4 }),
      await open(),
      await open(),
    ]
    const Contract = Batched(unique(), reliable)
    const [byOld, got]: [string[], string[]] = [[], []]
    await old.subscribe(Contract, ({ text }) => byOld.push(text))
    await b.subscribe(Contract, ({ text }) => got.push(text))
    await Promise.all(list(100).map(text => old.publisher(Contract).publish({ text })))
    await eventually(() => expect(got).toHaveLength(100))
    await eventually(() => expect(byOld).toHaveLength(100))
    await Promise.all(list(100).map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(got).toHaveLength(200))
    await eventually(() => expect(errors.map(String)).not.toEqual([]))
    expect(String(errors[0])).toContain('cannot be decoded')
  })

  it('are sent alone over a broker whose packets are too small for several', async () => {
    const small = await startMosquitto({ config: ['max_packet_size 700'] })
    after(() => small.close())
    const [{ node: a }, { node: b }] = [await open({}, small.url), await open({}, small.url)]
    const Contract = Batched(unique(), reliable)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    const texts = list(100).map(n => n.padEnd(100))
    await Promise.all(texts.map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(got).toEqual(texts))
  })

  it('are all sent by a node that closes', async () => {
    const [{ node: a }, { node: b }] = [await open(), await open()]
    const Contract = Batched(unique(), reliable)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    const { publish } = a.publisher(Contract)
    const sent = list(100).map(text => publish({ text }))
    await a.close()
    await Promise.all(sent)
    await eventually(() => expect(got).toEqual(list(100)))
  })
})

describe('a packet of several messages', () => {
  it('is acknowledged when all have been handled, and its messages come again if they were not', async () => {
    const { node: a } = await open()
    const Contract = Batched(unique(), true)
    const durable = unique()
    const first = await open()
    const got: string[] = []
    let stuck: (() => void) | undefined
    await first.node.subscribe(
      Contract,
      ({ text }) => {
        got.push(text)
        return text === '30' ? new Promise<void>(resolve => (stuck = resolve)) : undefined
      },
      { durable },
    )
    await Promise.all(list(50).map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(stuck).toBeDefined())
    await first.node.close({ grace: 0 })
    const { node: next } = await open()
    const again: string[] = []
    await next.subscribe(Contract, ({ text }) => again.push(text), { durable })
    // One packet, or two where the first message went ahead.
    await eventually(() => expect(again.at(-1)).toBe('49'))
    expect(again.length).toBeGreaterThanOrEqual(49)
  })

  it('tells a message that comes twice from others', async () => {
    const [{ node: a }, { node: b }] = [await open(), await open()]
    const Contract = Batched(unique(), true)
    const { client, heard } = await watch(Contract.name)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text), { dedup: dedup() })
    await Promise.all(list(50).map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(got).toEqual(list(50)))
    for (const { type, body } of [...heard])
      if (type !== undefined)
        await client.publishAsync(Contract.name.replaceAll('.', '/'), Buffer.from(body, 'latin1'), {
          qos: 1,
          properties: { contentType: type },
        })
    await a.publisher(Contract).publish({ text: 'last' })
    await eventually(() => expect(got.at(-1)).toBe('last'))
    expect(got).toEqual([...list(50), 'last'])
  })

  it('goes to one member of a group', async () => {
    const { node: a } = await open()
    const Contract = Batched(unique())
    const got: string[][] = [[], []]
    for (const mine of got) {
      const { node } = await open()
      await node.subscribe(Contract, ({ text }) => mine.push(text), { group: 'shared' })
    }
    await Promise.all(list(100).map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(got.flat().toSorted()).toEqual(list(100).toSorted()))
  })

  it('keeps the latched one after those before it', async () => {
    const [{ node: a }, { node: b }] = [await open(), await open()]
    const Contract = Batched(unique())
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    const { publish } = a.publisher(Contract)
    await Promise.all(list(20).map(text => publish({ text }, text === '19' ? { latched: true } : {})))
    await eventually(() => expect(got).toEqual(list(20)))
    const late: string[] = []
    await b.subscribe(Contract, ({ text }) => late.push(text), { latched: true })
    await eventually(() => expect(late).toEqual(['19']))
  })

  it('that is none is told, and stops nothing', async () => {
    const [{ node: a }, { node: b, errors }] = [await open(), await open()]
    const Contract = Batched(unique())
    const { client } = await watch(Contract.name)
    const got: string[] = []
    await b.subscribe(Contract, ({ text }) => got.push(text))
    // Ends within a length, an id, a body; holds nothing; holds what is no message.
    for (const body of ['', '\0', '\0\u0003ab', '\0\u0001a\0\u0009short', '\0\0\0\u0001{'])
      await client.publishAsync(Contract.name.replaceAll('.', '/'), Buffer.from(body, 'latin1'), {
        qos: 1,
        properties: { contentType: 'application/vnd.commlib.batch' },
      })
    await eventually(() => expect(errors).toHaveLength(4))
    expect(errors.slice(0, 3).map(String)).toEqual(Array(3).fill(expect.stringContaining('shorter than it says')))
    expect(String(errors[3])).toContain('cannot be decoded')
    await Promise.all(list(100).map(text => a.publisher(Contract).publish({ text })))
    await eventually(() => expect(got).toEqual(list(100)))
  })

  it('is told of, with all it held, when its connection ends before it has left', async () => {
    const told: TransportStatus[] = []
    const events = { status: (status: TransportStatus) => told.push(status) } as unknown as LinkEvents
    const publish = () => Promise.reject(new CommlibError('CONNECTION_LOST', 'gone'))
    const driver = { supports: { headers: 'always' }, open: async () => ({ publish }) } as unknown as Driver
    const link = await batchMessages(driver).open(events, { signal: AbortSignal.timeout(1000) })
    const frame = { ...json, body: bytes('{}') }
    const sent = list(20).map(() => link.publish('t', frame, { batch: true }))
    await expect(sent[0]).rejects.toThrow('gone')
    await Promise.all(sent.slice(1))
    await eventually(() => expect(told).toEqual([{ type: 'messages-lost', count: 19, reason: 'gone' }]))
  })

  it('takes no option but true and false', () => {
    expect(() => topic('t', Text, { batch: 1 as unknown as boolean })).toThrow(/batch/)
  })
})
