import { amqp } from '@commlib/amqp'
import { createNode, rpc, type WireProfile } from '@commlib/core'
import { type Broker, startRabbit } from '@commlib/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPeer } from '../src/peer.ts'
import { testInterop } from '../src/suite.ts'
import { ensureVenv } from '../src/venv.ts'
import { versions } from '../src/versions.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startRabbit()
})
afterAll(() => broker?.close())

testInterop({ transport: 'amqp', broker: () => broker, connect: () => amqp(broker.url) })

describe.each(versions)('commlib-py %s on amqp, beside the cases', version => {
  beforeAll(() => ensureVenv(version).then(() => {}), 300_000)

  async function meet(wire?: WireProfile) {
    const peer = await startPeer({ version, transport: 'amqp', broker, patched: true })
    const node = await createNode({ transport: amqp(broker.url), heartbeat: false, wire })
    const end = async () => {
      peer.kill()
      await node.close()
    }
    return { peer, node, name: `beside${version.replaceAll('.', '_')}`, [Symbol.asyncDispose]: end }
  }

  test('calls a service of ours with a correlation id', async () => {
    await using met = await meet()
    const { peer, node, name } = met
    await node.serve(rpc<object, object>(`${name}.corr`), request => request)
    expect(await peer.do('call_correlated', { name: `${name}.corr`, data: { n: 1 } })).toEqual({ n: 1 })
  })

  test('does not get the queue of a service of ours, which goes on', async () => {
    await using met = await meet()
    const { peer, node, name } = met
    await node.serve(rpc<object, object>(`${name}.held`), request => request)
    await expect(peer.do('serve', { name: `${name}.held`, what: 'fail', patience: 1 })).rejects.toThrow('TimeoutError')
    expect(await node.client(rpc(`${name}.held`))({ n: 1 })).toEqual({ n: 1 })
  })

  test('does not understand a call in the other wire', async () => {
    await using met = await meet(version === '0.13.2' ? '0.13' : '0.13.2')
    const { peer, node, name } = met
    await peer.do('serve', { name: `${name}.other`, what: 'echo' })
    const called = node.client(rpc(`${name}.other`))({ n: 1 }, { timeout: 1000 })
    if (version === '0.13.2') await expect(called).rejects.toMatchObject({ code: 'TIMEOUT' })
    else {
      await called.catch(() => {})
      // It takes the envelope for the request.
      expect(await peer.news('request')).toMatchObject({ data: { header: {}, data: { n: 1 } } })
    }
  })
})
