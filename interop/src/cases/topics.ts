import { event, json, topic } from '@commlib/core'
import { deflate } from '@commlib/core/deflate'
import Type from 'typebox'
import { expect } from 'vitest'
import type { Bench, Case } from '../bench.ts'
import { collect, pose } from '../contracts.ts'
import { wireOf } from '../versions.ts'

const messages = [
  { name: 'δ \u{1f916} "/"', x: 2, count: -3 },
  { name: '', x: -0.5, count: 2 ** 40 },
]

async function hasNoCompression({ peer }: Bench): Promise<void> {
  expect(await peer.do('has', { what: 'CompressionType' })).toBe(false)
}

export const topics = {
  publishToPython: {
    from: 'ours',
    title: 'publishes what a subscriber in Python hears, typed and untyped',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { publisher } = await node()
      for (const typed of [true, false]) {
        const where = `${name}.pose.t${Number(typed)}`
        await peer.do('subscribe', { topic: where, typed })
        const poses = publisher(topic(where, pose))
        for (const message of messages) await poses.publish(message)
        for (const data of messages) expect(await peer.news('message')).toMatchObject({ topic: where, data })
      }
    },
  },

  publishToOtherWire: {
    from: 'ours',
    title: 'publishes in the other wire what a subscriber in Python hears',
    wire: 'other',
    run: async ({ peer, node, name }) => {
      const { publisher } = await node()
      await peer.do('subscribe', { topic: name })
      await publisher(topic(name)).publish({ n: 1 })
      expect(await peer.news('message')).toMatchObject({ data: { n: 1 } })
    },
    limit: async ({ peer, node, name, version }) => {
      const other = await node()
      const own = await node({ wire: wireOf(version) })
      await peer.do('subscribe', { topic: name })
      await other.publisher(topic(name)).publish({ n: 1 })
      if (wireOf(version) === '0.13') {
        const { data } = await peer.news('message')
        expect(data).toMatchObject({ header: { properties: {} }, data: { n: 1 } })
      }
      await own.publisher(topic(name)).publish({ n: 2 })
      expect(await peer.news('message')).toMatchObject({ data: { n: 2 } })
    },
  },

  publishFromPython: {
    from: 'python',
    title: 'publishes what a subscriber of ours hears, typed and untyped',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { subscribe } = await node()
      for (const typed of [true, false]) {
        const where = `${name}.pose.t${Number(typed)}`
        const heard = collect(messages.length)
        await subscribe(topic(where, pose), (message, context) => heard.add([message, context.topic]))
        await peer.do('publish', { topic: where, messages, typed })
        expect(await heard.all).toEqual(messages.map(message => [message, where]))
      }
    },
  },

  patternToPython: {
    from: 'ours',
    title: 'publishes what a pattern subscriber in Python hears',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { publisher } = await node()
      await peer.do('psubscribe', { topic: `${name}.*` })
      const anywhere = publisher(topic('*'))
      await anywhere.publish({ n: 1 }, { topic: `${name}.a` })
      await anywhere.publish({ n: 2 }, { topic: `${name}.b.c` })
      // Its callback has the topic as the broker has it.
      const heard = [await peer.news('message'), await peer.news('message')]
      expect(heard.map(({ topic, data }) => [String(topic).replaceAll('/', '.'), data])).toEqual([
        [`${name}.a`, { n: 1 }],
        [`${name}.b.c`, { n: 2 }],
      ])
    },
    limit: async ({ peer, name }) => {
      await expect(peer.do('psubscribe', { topic: `${name}.*` })).rejects.toMatchObject({ name: 'ValueError' })
    },
  },

  patternFromPython: {
    from: 'python',
    title: 'publishes to several topics what a pattern subscriber of ours hears',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { subscribe } = await node()
      const heard = collect(2)
      await subscribe(topic(`${name}.{room}.*`), (message, { topic, params }) => {
        heard.add([topic, params.room, message])
      })
      await peer.do('mpublish', {
        messages: [
          [`${name}.kitchen.light`, { n: 1 }],
          [`${name}.hall.door.left`, { n: 2 }],
        ],
      })
      expect(await heard.all).toEqual([
        [`${name}.kitchen.light`, 'kitchen', { n: 1 }],
        [`${name}.hall.door.left`, 'hall', { n: 2 }],
      ])
    },
    limit: async ({ peer, name }) => {
      await expect(peer.do('mpublish', { messages: [[name, {}]] })).rejects.toMatchObject({ name: 'ValueError' })
    },
  },

  compressedToPython: {
    from: 'ours',
    title: 'publishes compressed messages that Python hears',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { publisher } = await node({ codec: deflate(json) })
      await peer.do('subscribe', { topic: name, compressed: true })
      await publisher(topic(name)).publish({ text: 'x'.repeat(1000) })
      expect(await peer.news('message')).toMatchObject({ data: { text: 'x'.repeat(1000) } })
    },
    limit: hasNoCompression,
  },

  compressedFromPython: {
    from: 'python',
    title: 'publishes compressed messages that we hear',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { subscribe } = await node({ codec: deflate(json) })
      const heard = collect(1)
      await subscribe(topic(name), message => heard.add(message))
      await peer.do('publish', { topic: name, messages: [{ text: 'x'.repeat(1000) }], compressed: true })
      expect(await heard.all).toEqual([{ text: 'x'.repeat(1000) }])
    },
    limit: hasNoCompression,
  },

  latchedToPython: {
    from: 'ours',
    title: 'publishes a latched message that a later subscriber in Python hears',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { publisher } = await node()
      await publisher(topic(name)).publish({ mode: 'auto' }, { latched: true, reliable: true })
      await peer.do('subscribe', { topic: name })
      expect(await peer.news('message')).toMatchObject({ data: { mode: 'auto' } })
    },
    limit: async ({ peer, node, name }) => {
      const { publisher } = await node()
      const mode = publisher(topic(name))
      await mode.publish({ mode: 'auto' }, { latched: true, reliable: true })
      await peer.do('subscribe', { topic: name })
      await mode.publish({ mode: 'manual' }, { latched: true, reliable: true })
      expect(await peer.news('message')).toMatchObject({ data: { mode: 'manual' } })
    },
  },

  callsUnheardFromPython: {
    from: 'python',
    title: 'makes calls that no pattern subscriber of ours takes for messages',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { subscribe } = await node()
      const heard = collect(1)
      await subscribe(topic(`${name}.*`), (message, { topic }) => heard.add([topic, message]))
      await peer.do('serve', { name: `${name}.echo`, what: 'echo' })
      expect(await peer.do('call', { name: `${name}.echo`, data: { n: 1 } })).toEqual({ n: 1 })
      await peer.do('publish', { topic: `${name}.after`, messages: [{ n: 2 }] })
      expect(await heard.all).toEqual([[`${name}.after`, { n: 2 }]])
    },
  },

  eventToPython: {
    from: 'ours',
    title: 'emits an event that a subscriber in Python hears',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { emit } = await node()
      await peer.do('subscribe', { topic: name })
      await emit(event(name, { name: 'LightsOn', description: 'in the hall' }), { level: 1 })
      const data = { name: 'LightsOn', uri: name, description: 'in the hall', payload: { level: 1 } }
      expect(await peer.news('message')).toMatchObject({ data })
    },
  },

  eventFromPython: {
    from: 'python',
    title: 'sends an event that a subscriber of ours hears',
    wire: 'each',
    run: async ({ peer, node, name, version }) => {
      const { subscribe } = await node()
      const heard = collect(1)
      const LightsOn = event(name, { name: 'LightsOn', payload: Type.Object({ level: Type.Integer() }) })
      await subscribe(LightsOn, (payload, { event }) => heard.add([payload, event.name, event.uri]))
      await peer.do('send_event', { uri: name, name: 'TurnOn', payload: { level: -1 } })
      // From 0.11 on an event does not say its name.
      const told = wireOf(version) === '0.6' ? 'TurnOn' : 'LightsOn'
      expect(await heard.all).toEqual([[{ level: -1 }, told, name]])
    },
  },
} satisfies Record<string, Case>
