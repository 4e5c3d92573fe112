import { topic } from '@commlib/core'
import { createFaultProxy, type Mosquitto, startMosquitto } from '@commlib/testing'
import fc from 'fast-check'
import { type IPublishPacket, parser } from 'mqtt-packet'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { measure, writeHead } from '../src/packet.ts'
import { TopicAliases } from '../src/topic-aliases.ts'
import { after, eventually, list, openNode, unique } from './support.ts'

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto()
})
afterAll(() => broker.close())

const Text = Type.Object({ text: Type.String() })
const body = new Uint8Array([0x31])

/** Reads packets as another implementation does, and topics as the standard says: the names, and how they came. */
function read(packets: readonly Uint8Array[]) {
  const known = new Map<number, string>()
  const heard: Array<{ readonly topic: string | undefined; readonly bare: boolean; readonly alias: number }> = []
  const reader = parser({ protocolVersion: 5 })
  reader.on('packet', packet => {
    const { topic, properties } = packet as IPublishPacket
    const alias = properties?.topicAlias ?? 0
    const name = String(topic)
    if (alias > 0 && name !== '') known.set(alias, name)
    heard.push({ topic: name === '' ? known.get(alias) : name, bare: name === '', alias })
  })
  reader.on('error', error => {
    throw error
  })
  for (const packet of packets) reader.parse(Buffer.from(packet))
  return heard
}

function write(name: string, aliases: TopicAliases): Uint8Array {
  const packet = measure(name, { body }, { version: 5, aliases }, false, 0)
  const bytes = new Uint8Array(packet.size)
  bytes.set(body, writeHead(bytes, 0, packet))
  return bytes
}

describe('aliases of topics', () => {
  it('stand for the busiest, are told first, and are as many as the broker takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.integer({ min: 0, max: 14 })), (max, order) => {
        const aliases = new TopicAliases(max)
        const names = order.flatMap(n => Array.from({ length: n + 1 }, (_, i) => `topics.t${(n * 7 + i) % 15}`))
        const heard = read(names.map(name => write(name, aliases)))
        expect(heard.map(({ topic }) => topic)).toEqual(names.map(name => name.replace('.', '/')))
        for (const { alias } of heard) expect(alias).toBeLessThanOrEqual(max)
      }),
    )
  })

  it('begin with the eighth message, and leave the topic out from the ninth on', () => {
    const aliases = new TopicAliases(1)
    const heard = read(Array.from({ length: 12 }, () => write('a.b', aliases)))
    expect(heard.map(({ bare, alias }) => `${bare ? '' : 'a/b'}${alias === 0 ? '' : `=${alias}`}`)).toEqual([
      ...Array.from({ length: 7 }, () => 'a/b'),
      'a/b=1',
      ...Array.from({ length: 4 }, () => '=1'),
    ])
  })

  it('are told by a packet that is written, not by one that was only measured', () => {
    const aliases = new TopicAliases(1)
    for (let i = 0; i < 20; i++) measure('a.b', { body }, { version: 5, aliases }, false, 0)
    expect(read([write('a.b', aliases), write('a.b', aliases)])).toEqual([
      { topic: 'a/b', bare: false, alias: 1 },
      { topic: 'a/b', bare: true, alias: 1 },
    ])
  })

  it('do not keep names that are used once', () => {
    const aliases = new TopicAliases(10)
    for (let i = 0; i < 5000; i++) expect(aliases.of(`rpc-1/${i}`)).toBeUndefined()
    for (let i = 0; i < 7; i++) expect(aliases.of('busy')).toBeUndefined()
    expect(aliases.of('busy')).toMatchObject({ number: 1 })
  })
})

describe.each([
  ['best-effort', false],
  ['reliable', true],
] as const)('%s messages by alias', (_, reliable) => {
  it('are shorter, and reach the topics that they are for, also on the next connection', async () => {
    const proxy = await createFaultProxy(broker)
    after(() => proxy.close())
    const { node: b } = await openNode(broker.url)
    const { node: a, errors } = await openNode(proxy.url('mqtt'))
    const base = unique()
    const got = new Map<string, string[]>()
    await b.subscribe(topic(`${base}.*`, Text, { reliable }), ({ text }, { topic }) => {
      got.set(topic, [...(got.get(topic) ?? []), text])
    })
    const names = list(30).map(n => `${base}.${'long'.repeat(50)}${n}`)
    const publishers = names.map(name => a.publisher(topic(name, Text, { reliable })))
    const publish = (texts: string[], to = publishers) =>
      Promise.all(texts.flatMap(text => to.map(({ publish }) => publish({ text }))))
    const arrived = (texts: string[], of = names) =>
      eventually(() => {
        // What was not confirmed when the connection ended is sent again.
        for (const name of of) expect([...new Set(got.get(name))]).toEqual(texts)
      })

    await publish(list(20))
    await arrived(list(20))
    const { up } = proxy.bytes
    await publish(list(100, 20), publishers.slice(0, 1))
    await arrived(list(120), names.slice(0, 1))
    expect((proxy.bytes.up - up) / 100).toBeLessThan(100)

    proxy.reset()
    await eventually(() => expect(proxy.accepted).toBe(2))
    await publish(list(20, 120))
    await arrived([...list(20), ...list(20, 120)], names.slice(1))
    await arrived(list(140), names.slice(0, 1))
    expect(errors).toEqual([])
  })
})
