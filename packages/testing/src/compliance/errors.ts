import { beforeEach, expect, it } from 'vitest'
import type { Broker } from '../brokers/broker.ts'
import { freePort } from '../brokers/ports.ts'
import { createFaultProxy, type FaultProxy } from '../fault-proxy.ts'
import { bytes, type ComplianceOptions, createBench, eventually, outcome, text, unique } from './bench.ts'

export function testErrors(options: ComplianceOptions & { readonly broker: Broker }): void {
  const { broker } = options
  const bench = createBench(options)
  let proxy: FaultProxy
  let url: string
  beforeEach(async () => {
    const opened = await createFaultProxy(broker)
    bench.after(opened.close)
    proxy = opened
    url = throughProxy(broker, proxy)
  })

  it('works through a proxy, which the other tests rest on', async () => {
    const { transport } = await bench.link({ url })
    const got: string[] = []
    const topic = unique()
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    await transport.publish(topic, { body: bytes('x') })
    await eventually(() => expect(got).toEqual(['x']))
    expect(proxy.accepted).toBeGreaterThan(0)
  })

  it('fails within the timeout when there is no broker, and names it', async () => {
    const port = await freePort()
    const transport = bench.create({ url: withAddress(broker.url, '127.0.0.1', port) })
    const start = performance.now()
    await expect(transport.connect({ timeout: 1000 })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
    expect(performance.now() - start).toBeLessThan(2500)
  })

  it('fails within the timeout when the broker is silent', async () => {
    await proxy.halfOpen()
    const start = performance.now()
    const connecting = bench.create({ url }).connect({ timeout: 500 })
    await expect(connecting).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`127.0.0.1:${proxy.port}`),
    })
    expect(performance.now() - start).toBeLessThan(2500)
  })

  it('shows no password', async () => {
    const port = await freePort()
    const secret = new URL(withAddress(broker.url, '127.0.0.1', port))
    secret.username = 'anna'
    secret.password = 'sesame'
    const transport = bench.create({ url: secret.href })
    const told: unknown[] = []
    const tell = (what: unknown) => void told.push(what)
    const error = await transport.connect({ timeout: 500, onStatus: tell, onError: tell }).catch(failure => failure)
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(inside([error, ...told])).not.toContain('sesame')
  })

  it('leaves nothing behind when it has failed', async () => {
    await proxy.halfOpen()
    const transport = bench.create({ url })
    await expect(transport.connect({ timeout: 300 })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    await eventually(() => expect(proxy.connections).toBe(0))
    const { accepted } = proxy
    // The delay between attempts is a second at most.
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(proxy.accepted).toBe(accepted)
  })

  it('can be tried again', async () => {
    await proxy.refuse()
    const transport = bench.create({ url })
    await expect(transport.connect({ timeout: 300 })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    await proxy.restore()
    await transport.connect()
    await transport.publish(unique(), { body: bytes('x') })
  })

  it('ends when the signal aborts', async () => {
    await proxy.halfOpen()
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const connecting = bench.create({ url }).connect({ signal: controller.signal })
    setTimeout(() => controller.abort(reason), 50)
    const start = performance.now()
    await expect(connecting).rejects.toBe(reason)
    expect(performance.now() - start).toBeLessThan(1000)
    await eventually(() => expect(proxy.connections).toBe(0))
  })

  it('ends when the transport is closed', async () => {
    await proxy.halfOpen()
    const transport = bench.create({ url })
    const connecting = transport.connect().catch(error => error)
    expect(await outcome(transport.close(), 2000)).toBe('resolved')
    expect(await outcome(connecting, 1000)).toBe('resolved')
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
  })

  it('goes on in the background if it is to wait for the broker', async () => {
    await proxy.refuse()
    const { transport, statuses } = await bench.link({ url, waitForBroker: true })
    const other = await bench.connect()
    const name = unique()
    const got: string[] = []
    const established = Promise.all([
      transport.subscribe(name, (_, frame) => void got.push(`topic ${text(frame)}`)),
      transport.pull(`${name}q`, frame => void got.push(`queue ${text(frame)}`)),
    ])
    await eventually(() => expect(statuses.map(({ type }) => type)).toContain('reconnecting'))
    await proxy.restore()
    const connected = () => statuses.filter(({ type }) => type === 'connected')
    await eventually(() => expect(connected()).toHaveLength(1), 3000)
    // Whether they wait for the broker or not, they hold once there is one.
    expect(await outcome(established, 1000)).toBe('resolved')
    expect(connected()).toHaveLength(1)
    await other.publish(name, { body: bytes('1') })
    await other.push(`${name}q`, { body: bytes('2') })
    await eventually(() => expect([...got].sort()).toEqual(['queue 2', 'topic 1']))
  })

  it('can be closed while it waits for the broker, which ends what is pending', async () => {
    await proxy.refuse()
    const { transport } = await bench.link({ url, waitForBroker: true })
    const subscribing = transport.subscribe(unique(), () => {}).catch(error => error)
    expect(await outcome(transport.close(), 2000)).toBe('resolved')
    expect(await outcome(subscribing, 1000)).toBe('resolved')
    const result = await subscribing
    if (result instanceof Error) expect(result).toMatchObject({ code: 'CLOSED' })
    const { accepted } = proxy
    await proxy.restore()
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(proxy.accepted).toBe(accepted)
  })
}

/** The broker's URL with the proxy's address. */
export function throughProxy({ url }: Broker, { host, port }: FaultProxy): string {
  return withAddress(url, host, port)
}

function withAddress(url: string, host: string, port: number): string {
  const changed = new URL(url)
  changed.hostname = host
  changed.port = String(port)
  return changed.href
}

/** Everything that is readable in errors and statuses, causes included. */
function inside(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null || seen.has(value)) return ''
  seen.add(value)
  const names = Object.getOwnPropertyNames(value)
  return names.map(name => inside(Reflect.get(value, name), seen)).join('\n')
}
