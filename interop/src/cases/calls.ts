import { rpc } from '@commlib/core'
import { expect, vi } from 'vitest'
import type { Case } from '../bench.ts'
import { addOf, gate } from '../contracts.ts'
import { wireOf } from '../versions.ts'

const FLIGHT = 50

const requests = Array.from({ length: FLIGHT }, (_, a) => ({ a, b: -2 * a - 1 }))
const sums = requests.map(({ a, b }) => ({ c: a + b }))

export const calls = {
  callToPython: {
    from: 'ours',
    title: 'calls a service in Python, typed and untyped',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { client } = await node()
      await peer.do('serve', { name: `${name}.add`, what: 'add' })
      expect(await client(addOf(`${name}.add`))({ a: 3, b: -7 })).toEqual({ c: -4 })
      await peer.do('serve', { name: `${name}.echo`, what: 'echo' })
      const request = { text: 'δ \u{1f916} "/"', list: [1, { deep: null }], x: 0.5, yes: true }
      expect(await client(rpc(`${name}.echo`))(request)).toEqual(request)
    },
  },

  manyCallsToPython: {
    from: 'ours',
    title: `has ${FLIGHT} calls to a service in Python in flight`,
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { client } = await node()
      // With several workers it may give one caller the answer of another: they share the object that it is made of.
      await peer.do('serve', { name, what: 'add', workers: 1 })
      const add = client(addOf(name))
      expect(await Promise.all(requests.map(request => add(request)))).toEqual(sums)
    },
    limit: async ({ peer, node, name }) => {
      const { client } = await node()
      await peer.do('serve', { name, what: 'add', workers: 1 })
      const add = client(addOf(name))
      const calls = await Promise.allSettled(requests.map(request => add(request, { timeout: 2000 })))
      const lost = calls.filter(({ status }) => status === 'rejected')
      expect(lost.length).toBeGreaterThan(0)
      expect(lost.length).toBeLessThan(FLIGHT)
      for (const { reason } of lost as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: 'TIMEOUT' })
    },
  },

  failingCallToPython: {
    from: 'ours',
    title: 'is told that the handler of a service in Python raised',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { client } = await node()
      await peer.do('serve', { name, what: 'fail' })
      await expect(client(addOf(name))({ a: 1 })).rejects.toMatchObject({ code: 'REMOTE_ERROR' })
    },
    limit: async ({ peer, node, name, broker, version }) => {
      const { client } = await node()
      await peer.do('serve', { name, what: 'fail' })
      const called = client(addOf(name))({ a: 1 }, { timeout: 500 })
      // An answer with nothing in it is none to who has a schema.
      const code = broker !== 'mqtt' || wireOf(version) === '0.6' ? 'INVALID_MESSAGE' : 'TIMEOUT'
      await expect(called).rejects.toMatchObject({ code })
      expect(await peer.news('request')).toMatchObject({ data: { a: 1, b: 0 } })
    },
  },

  callToPythonServer: {
    from: 'ours',
    title: 'calls several services of one RPCServer in Python',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { client } = await node()
      await peer.do('serve_many', { base: name, names: ['one', 'two'] })
      // One after the other: its threads write their answers into one object, and may send the last one twice.
      for (const which of ['one', 'two']) expect(await client(rpc(`${name}.${which}`))({ which })).toEqual({ which })
    },
    limit: async ({ peer, node, name, broker }) => {
      if (!(await peer.do('has', { what: 'RPCServer' }))) return
      expect(broker).toBe('mqtt')
      const { client } = await node()
      await peer.do('serve_many', { base: name, names: ['one'] })
      const called = client(rpc(`${name}.one`))({ n: 1 }, { timeout: 500 })
      await expect(called).rejects.toMatchObject({ code: 'TIMEOUT' })
      expect(peer.pending('request')).toEqual([])
    },
  },

  callFromPython: {
    from: 'python',
    title: 'calls a service of ours, typed and untyped',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { serve } = await node()
      await serve(addOf(`${name}.add`), ({ a, b }) => ({ c: a + b }))
      expect(await peer.do('call', { name: `${name}.add`, data: { a: 3, b: -7 }, typed: true })).toEqual({ c: -4 })
      await serve(rpc<object, object>(`${name}.echo`), request => request)
      const data = { text: 'δ \u{1f916} "/"', list: [1, { deep: null }], x: 0.5, yes: true }
      expect(await peer.do('call', { name: `${name}.echo`, data })).toEqual(data)
    },
  },

  besidePython: {
    from: 'ours',
    title: 'gets one answer for each call although a service of ours and one in Python both answer',
    wire: 'own',
    run: async ({ peer, node, name, broker }) => {
      const { client } = await node()
      const other = await node()
      await peer.do('serve', { name, what: 'add', workers: 1 })
      let served = 0
      await other.serve(addOf(name), ({ a, b }) => {
        served++
        return { c: a + b }
      })
      const add = client(addOf(name))
      for (const [i, request] of requests.entries()) expect(await add(request)).toEqual(sums[i])
      if (broker === 'mqtt') {
        // Python has answered each, too: what came too late is nobody's.
        const heard: unknown[] = []
        while (heard.length < requests.length) heard.push(await peer.news('request'))
        for (const data of requests)
          expect(heard).toContainEqual(expect.objectContaining({ data: expect.objectContaining(data) }))
      } else {
        // Each call was served once, by one of them.
        await vi.waitFor(() => expect(peer.pending('request').length + served).toBe(FLIGHT))
        expect(served).toBeGreaterThan(0)
        expect(served).toBeLessThan(FLIGHT)
      }
    },
    limit: async ({ peer, node, name }) => {
      const { client, serve } = await node()
      await peer.do('serve', { name, what: 'add', workers: 1 })
      await expect(serve(addOf(name), ({ a, b }) => ({ c: a + b }))).rejects.toMatchObject({ code: 'RESOURCE_LOCKED' })
      expect(await client(addOf(name))({ a: 1, b: 2 })).toEqual({ c: 3 })
    },
  },

  sharedFromPython: {
    from: 'python',
    title: 'calls two nodes of ours that share the calls of one service',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const served = [0, 0]
      for (const i of [0, 1]) {
        const { serve } = await node()
        await serve(addOf(name), ({ a, b }) => {
          served[i] = (served[i] ?? 0) + 1
          return { c: a + b }
        })
      }
      expect(await peer.do('call_by_many', { name, requests: requests.slice(0, 20) })).toEqual(sums.slice(0, 20))
      // Each call was served once.
      expect(served.reduce((sum, count) => sum + count)).toBe(20)
      expect(Math.min(...served)).toBeGreaterThan(0)
    },
  },

  callsInTurnFromPython: {
    from: 'python',
    title: 'calls a service of ours again with the same client, typed and untyped',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { serve } = await node()
      await serve(addOf(name), ({ a, b }) => ({ c: a + b }))
      const requests = [{ a: 1 }, { a: 2 }]
      for (const typed of [true, false]) {
        expect(await peer.do('call_in_turn', { name, requests, typed })).toEqual([{ c: 1 }, { c: 2 }])
      }
    },
    limit: async ({ peer, node, name }) => {
      const { serve } = await node()
      await serve(addOf(name), ({ a, b }) => ({ c: a + b }))
      const requests = [{ a: 1 }, { a: 2 }]
      expect(await peer.do('call_in_turn', { name, requests, typed: true })).toEqual([{ c: 1 }, { c: 2 }])
      expect(await peer.do('call_in_turn', { name, requests, typed: false })).toEqual([{ c: 1 }, { c: 1 }])
    },
  },

  manyCallsFromPython: {
    from: 'python',
    title: `calls a service of ours with ${FLIGHT} clients at the same time`,
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { serve } = await node()
      await serve(addOf(name), ({ a, b }) => ({ c: a + b }), { concurrency: 8 })
      expect(await peer.do('call_by_many', { name, requests })).toEqual(sums)
    },
  },

  manyCallsByOneFromPython: {
    from: 'python',
    title: 'calls a service of ours several times at once with one client',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { serve } = await node()
      const together = gate()
      let waiting = 4
      const handler = async (request: { readonly n: number }) => {
        if (--waiting === 0) together.open()
        await together.opened
        return request
      }
      await serve(rpc<{ n: number }, { n: number }>(name), handler, { concurrency: 4 })
      const requests = [1, 2, 3, 4].map(n => ({ n }))
      expect(await peer.do('call_by_one', { name, requests })).toEqual(requests)
    },
    limit: async ({ peer, node, name }) => {
      const { serve } = await node()
      const rest = gate()
      const arrived: unknown[] = []
      const together = gate()
      const handler = async (request: { readonly n: number }) => {
        arrived.push(request)
        if (arrived.length === 4) together.open()
        await together.opened
        // It has one place for an answer: the first is taken for the answer to every call.
        if (request !== arrived[0]) await rest.opened
        return request
      }
      await serve(rpc<{ n: number }, { n: number }>(name), handler, { concurrency: 4 })
      const answers = await peer.do('call_by_one', { name, requests: [1, 2, 3, 4].map(n => ({ n })) })
      rest.open()
      expect(answers).toEqual([arrived[0], arrived[0], arrived[0], arrived[0]])
    },
  },

  failingCallFromPython: {
    from: 'python',
    title: 'gets an empty answer at once when the handler of a service of ours throws',
    wire: 'each',
    tells: true,
    run: async ({ peer, node, name, errors }) => {
      const { serve } = await node()
      const handler = () => Promise.reject(new RangeError('too far'))
      await serve(addOf(`${name}.add`), handler)
      await serve(rpc(`${name}.echo`), handler)
      expect(await peer.do('call', { name: `${name}.echo`, data: { a: 1 } })).toEqual({})
      // A typed client makes an answer of it that has the defaults of its type.
      expect(await peer.do('call', { name: `${name}.add`, data: { a: 1 }, typed: true })).toEqual({ c: 0 })
      await vi.waitFor(() => expect(errors).toHaveLength(2))
    },
  },
} satisfies Record<string, Case>
