import { control, heartbeat, rpc } from '@commlib/core'
import { expect } from 'vitest'
import type { Case } from '../bench.ts'
import { collect } from '../contracts.ts'
import { wireOf } from '../versions.ts'

const DONE = { status: 0, error: '' }

export const nodes = {
  heartbeatToPython: {
    from: 'ours',
    title: 'has a heartbeat that Python hears',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      await peer.do('subscribe', { topic: `${name}.heartbeat` })
      await node({ name, heartbeat: { interval: 100 } })
      const stamps = [await peer.news('message'), await peer.news('message')].map(
        ({ data }) => (data as { ts: number }).ts,
      )
      const [first = 0, second = 0] = stamps.map(ts => ts / 1e6)
      expect(Math.abs(first - Date.now())).toBeLessThan(5000)
      expect(second).toBeGreaterThan(first)
    },
  },

  heartbeatFromPython: {
    from: 'python',
    title: 'has a heartbeat that we hear, whatever unit it counts in',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const { subscribe } = await node()
      // The unit of 0.6 changes after the first beat; the second comes after ten seconds.
      const heard = collect(1)
      await subscribe(heartbeat(name), ({ ts }) => heard.add(ts))
      await peer.do('node', { name, heartbeat: true })
      const [ts] = (await heard.all) as readonly Date[]
      // commlib-py up to 0.11 is half a second ahead.
      expect(Math.abs((ts?.getTime() ?? 0) - Date.now())).toBeLessThan(5000)
    },
  },

  controlToPython: {
    from: 'ours',
    title: 'stops and starts a node in Python',
    wire: 'own',
    run: async ({ peer, node, name }) => {
      const { client } = await node()
      await peer.do('node', { name, control: true, service: `${name}.echo` })
      const { stop, start } = control(name)
      const echo = client(rpc(`${name}.echo`))
      expect(await client(stop)({})).toEqual(DONE)
      await expect(echo({ n: 1 }, { timeout: 300 })).rejects.toMatchObject({ code: 'TIMEOUT' })
      expect(await client(start)({})).toEqual(DONE)
      expect(await echo({ n: 2 })).toEqual({ n: 2 })
    },
    limit: async ({ peer, node, name, broker, version }) => {
      const { client } = await node()
      const running = peer.do('node', { name, control: true, service: `${name}.echo` })
      if (broker === 'amqp' && wireOf(version) === '0.6') {
        // Its control services are run twice, on a connection that bears one thread: it may not even come up.
        const failure = await running.then(
          () => undefined,
          (error: Error) => error,
        )
        if (failure !== undefined) return expect(failure.name).toBe('TimeoutError')
      }
      await running
      const { stop, start } = control(name)
      const echo = client(rpc(`${name}.echo`))
      if (broker === 'redis' || version.startsWith('0.13.')) {
        expect(await client(stop)({})).toEqual(DONE)
        expect(await echo({ n: 1 })).toEqual({ n: 1 })
        return
      }
      const gone = { code: expect.stringMatching(/^(TIMEOUT|NO_SERVICE)$/) }
      if (broker === 'amqp' && wireOf(version) === '0.6') {
        // It may end before it has answered, for the same reason.
        await client(stop)({}, { timeout: 500 }).catch(error => expect(error).toMatchObject(gone))
        // As that thread may end first, its services may not be stopped, and then it answers this or that.
        await client(start)({}, { timeout: 500 }).catch(error => expect(error).toMatchObject(gone))
        return
      }
      const stopping = client(stop)({}, { timeout: 500 })
      if (wireOf(version) === '0.6') expect(await stopping).toEqual(DONE)
      // 0.11 stops the service that is to answer before it does; on AMQP its thread may still get the answer out.
      else if (broker === 'mqtt') await expect(stopping).rejects.toMatchObject({ code: 'TIMEOUT' })
      else await stopping.catch(error => expect(error).toMatchObject(gone))
      // 0.6 takes up to a second to stop, and hears what comes meanwhile.
      if (wireOf(version) === '0.6') await peer.do('stopped', { name })
      await expect(echo({ n: 1 }, { timeout: 300 })).rejects.toMatchObject(gone)
      await client(start)({}, { timeout: 300 }).catch(() => {})
      await expect(echo({ n: 2 }, { timeout: 300 })).rejects.toMatchObject(gone)
    },
  },

  controlFromPython: {
    from: 'python',
    title: 'stops and starts a node of ours',
    wire: 'each',
    run: async ({ peer, node, name }) => {
      const ours = await node({ name, control: true })
      await ours.serve(rpc<object, object>(`${name}.echo`), request => request)
      const call = (verb: string) => peer.do('call', { name: `${name}.${verb}`, data: {} })
      expect(await call('stop')).toEqual(DONE)
      expect(ours.state).toBe('stopped')
      const unheard = peer.do('call', { name: `${name}.echo`, data: { n: 1 }, timeout: 0.3 })
      // A call that nobody answers has no answer, or raises: by broker and version.
      const nothing = await unheard.catch((error: Error) => error.name)
      expect([null, 'RPCClientTimeoutError', 'TypeError']).toContain(nothing)
      expect(await call('stop')).toMatchObject({ status: 1, error: expect.stringMatching(/./) })
      expect(await call('start')).toEqual(DONE)
      expect(ours.state).toBe('running')
      expect(await peer.do('call', { name: `${name}.echo`, data: { n: 2 } })).toEqual({ n: 2 })
    },
  },
} satisfies Record<string, Case>
