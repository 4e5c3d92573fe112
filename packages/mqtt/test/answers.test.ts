import { type Node, rpc } from '@commlib/core'
import { type Mosquitto, startMosquitto } from '@commlib/testing'
import mqttjs from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MqttOptions } from '../src/index.ts'
import { after, eventually, list, openNode, unique } from './support.ts'

const Echo = (name: string) => rpc<{ text: string }, { text: string }>(name)

let broker: Mosquitto
beforeAll(async () => {
  broker = await startMosquitto()
})
afterAll(() => broker.close())

const open = (options: MqttOptions = {}, url = broker.url) => openNode(url, options)

/** The addresses that answers come to, as another program hears them. */
async function watch(url = broker.url): Promise<string[]> {
  const client = await mqttjs.connectAsync(url)
  after(() => client.endAsync())
  const heard: string[] = []
  client.on('message', topic => {
    if (topic.startsWith('rpc-')) heard.push(topic)
  })
  await client.subscribeAsync('#')
  return heard
}

const isBatch = (topic: string) => topic.endsWith('/_')

/** Calls them all at once, and expects each its own answer. */
async function callAll(caller: Node, service: Node, texts: readonly string[], handler = ({ text = '' }) => ({ text })) {
  const Contract = Echo(unique())
  await service.serve(Contract, handler)
  const call = caller.client(Contract)
  await call({ text: 'the first opens the way' })
  const answers = await Promise.all(texts.map(text => call({ text }).catch(error => ({ text: error.remote.message }))))
  for (const [i, { text }] of answers.entries()) expect(text === texts[i], `${texts[i]}`.slice(0, 20)).toBe(true)
}

describe('answers that are ready at the same time', () => {
  it('share packets', async () => {
    const [{ node: service }, { node: caller }] = [await open(), await open()]
    const heard = await watch()
    await callAll(caller, service, list(500))
    await eventually(() => expect(heard.filter(isBatch).length).toBeGreaterThan(0))
    expect(heard.length).toBeLessThan(250)
  })

  it('share packets with those of their caller alone', async () => {
    const [{ node: service }, { node: a }, { node: b }] = [await open(), await open(), await open()]
    await Promise.all([
      callAll(a, service, list(200)),
      callAll(
        b,
        service,
        list(200).map(n => `b ${n}`),
      ),
    ])
  })

  it('share packets when their handlers are asynchronous', async () => {
    const [{ node: service }, { node: caller }] = [await open(), await open()]
    const heard = await watch()
    const Contract = Echo(unique())
    await service.serve(Contract, async ({ text }) => {
      await null
      return { text }
    })
    const call = caller.client(Contract)
    const answers = await Promise.all(list(500).map(text => call({ text })))
    expect(answers.map(({ text }) => text)).toEqual(list(500))
    await eventually(() => expect(heard.filter(isBatch).length).toBeGreaterThan(0))
  })

  it('come whole whatever their sizes, and when some are failures', async () => {
    const [{ node: service }, { node: caller }] = [await open(), await open()]
    const sizes = [0, 1, 900, 1000, 1010, 1023, 1024, 1025, 2000, 8000, 8192, 9000, 70_000]
    const texts = list(300).map((n, i) => `${n} ${'ä'.repeat((sizes[i % sizes.length] as number) / 2)}`)
    await callAll(caller, service, texts, ({ text = '' }) => {
      if (text.length < 2000 && text.length % 3 === 0) throw new Error(text)
      return { text }
    })
  })

  it.each([
    ['to a caller that takes small messages only', { maxMessageBytes: 4096 }, {}],
    ['by a service that takes small messages only', {}, { maxMessageBytes: 4096 }],
    ['by a service with MQTT 3.1.1, which is not told what its broker takes', {}, { protocolVersion: 4 }],
  ] as const)('are sent alone %s', async (_, callerOptions, serviceOptions) => {
    const [{ node: service }, { node: caller }] = [await open(serviceOptions), await open(callerOptions)]
    const heard = await watch()
    await callAll(caller, service, list(100))
    await eventually(() => expect(heard).toHaveLength(101))
    expect(heard.filter(isBatch)).toEqual([])
  })

  it('share packets on their way to a caller with MQTT 3.1.1', async () => {
    const [{ node: service }, { node: caller }] = [await open(), await open({ protocolVersion: 4 })]
    const heard = await watch()
    await callAll(caller, service, list(500))
    await eventually(() => expect(heard.filter(isBatch).length).toBeGreaterThan(0))
  })

  it('are sent alone over a broker whose packets are too small for several', async () => {
    const small = await startMosquitto({ config: ['max_packet_size 700'] })
    after(() => small.close())
    const [{ node: service }, { node: caller }] = [await open({}, small.url), await open({}, small.url)]
    await callAll(
      caller,
      service,
      list(500).map(n => n.padEnd(100)),
    )
  })

  it('are all sent by a service that closes', async () => {
    const [{ node: service }, { node: caller }] = [await open(), await open()]
    const Contract = Echo(unique())
    const waiting: Array<() => void> = []
    await service.serve(Contract, ({ text }) => new Promise(resolve => waiting.push(() => resolve({ text }))))
    const call = caller.client(Contract)
    const calls = list(100).map(text => call({ text }))
    await eventually(() => expect(waiting).toHaveLength(100))
    const closing = service.close({ grace: 1000 })
    for (const answer of waiting) answer()
    await closing
    expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(list(100))
  })

  it('that are no answers are told, and stop nothing', async () => {
    const [{ node: service }, { node: caller, errors }] = [await open(), await open()]
    const heard = await watch()
    await callAll(caller, service, list(3))
    await eventually(() => expect(heard).not.toEqual([]))
    const inbox = `${(heard[0] as string).split('/')[0]}/_`
    const client = await mqttjs.connectAsync(broker.url)
    after(() => client.endAsync())
    // Ends within a length, a token, a body; names calls that nobody made; names none.
    for (const body of ['', '\0', '\0\u0003ab', '\0\u0001a\0\u0009short', '\0\u0001a\0\u0002{}', '\0\0\0\0'])
      await client.publishAsync(inbox, Buffer.from(body, 'latin1'))
    await eventually(() => expect(errors).toHaveLength(3))
    expect(errors.map(String)).toEqual(errors.map(() => expect.stringContaining('shorter than it says')))
    await callAll(caller, service, list(100))
  })
})
