import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Driver, Link, LinkEvents } from '../../src/connection/link.ts'
import { type ReconnectingOptions, reconnecting } from '../../src/connection/reconnecting.ts'
import { CommlibError } from '../../src/errors.ts'
import type { ConnectOptions, Frame, Transport, TransportStatus } from '../../src/transport.ts'

const supports = {
  properties: false,
  headers: 'never',
  queueing: false,
  competing: true,
  reliable: true,
  latched: true,
  groups: true,
  durable: true,
  groupTakeover: 'never',
  noService: 'never',
  expiry: false,
  deadLetter: false,
} as const

/** A connection to nothing: what it was asked for is on record, and it ends and refuses when it is told to. */
interface Wire {
  readonly link: Link
  readonly log: string[]
  lose(cause?: Error): void

  /** Ends the subscriptions to a pattern. */
  end(pattern: string, error: CommlibError): void
  readonly events: LinkEvents
  deliver(topic: string): void
}

interface Network {
  readonly driver: Driver
  readonly wires: Wire[]
  attempts: number

  /** What the next attempts do. */
  mode: 'accept' | 'refuse' | 'hang'

  /** Patterns that are not allowed. */
  readonly forbidden: Set<string>

  /** Reliable publishes are confirmed. */
  confirming: boolean
}

function createNetwork(): Network {
  const network: Network = {
    wires: [],
    attempts: 0,
    mode: 'accept',
    forbidden: new Set(),
    confirming: true,
    driver: {
      name: 'test',
      target: 'test://nowhere:1',
      supports,
      replyTo: token => `rpc.${token}`,
      open: async (events, { signal }) => {
        network.attempts++
        if (network.mode === 'hang') await new Promise(() => {})
        if (network.mode === 'refuse') throw new CommlibError('CONNECTION_FAILED', 'refused')
        signal.throwIfAborted()
        const wire = createWire(network, events)
        network.wires.push(wire)
        return wire.link
      },
    },
  }
  return network
}

function createWire(network: Network, events: LinkEvents): Wire {
  const log: string[] = []
  const listeners = new Map<symbol, readonly [string, (topic: string, frame: Frame) => unknown]>()
  const ends = new Map<string, (error: CommlibError) => void>()
  const pending = new Set<(error: Error) => void>()
  let ended = false
  const gone = () => new CommlibError('CONNECTION_LOST', 'gone')
  const listen = async (pattern: string, listener: (topic: string, frame: Frame) => unknown) => {
    await null
    if (ended) throw gone()
    if (network.forbidden.has(pattern)) throw new CommlibError('NOT_AUTHORIZED', `not for you: ${pattern}`)
    const id = Symbol(pattern)
    listeners.set(id, [pattern, listener])
    const close = async () => void listeners.delete(id)
    const over = new Promise<CommlibError>(resolve => {
      ends.set(pattern, error => {
        listeners.delete(id)
        resolve(error)
      })
    })
    return { close, ended: over, [Symbol.asyncDispose]: close }
  }
  const send = (verb: string, address: string) => {
    if (ended) return Promise.reject(gone())
    log.push(`${verb} ${address}`)
    return Promise.resolve()
  }
  const link: Link = {
    publish: (topic, _, options) => {
      const sent = send('publish', topic)
      if (!options?.reliable || network.confirming) return sent
      return new Promise((_, reject) => pending.add(reject))
    },
    push: queue => send('push', queue),
    subscribe: listen,
    pull: (queue, onFrame) => listen(queue, (_, frame) => onFrame(frame)),
    inbox: async onReply => {
      const { close } = await listen('rpc', (topic, frame) => onReply(topic.slice(4), frame))
      return {
        reserve: token => {
          log.push(`reserve ${token}`)
          return `rpc.${token}`
        },
        release: token => void log.push(`release ${token}`),
        close,
        [Symbol.asyncDispose]: close,
      }
    },
    close: async () => {
      ended = true
      log.push('close')
    },
  }
  return {
    link,
    log,
    events,
    end: (pattern, error) => ends.get(pattern)?.(error),
    lose: cause => {
      ended = true
      events.lost(cause)
      for (const reject of pending) reject(gone())
    },
    deliver: topic => {
      for (const [pattern, listener] of listeners.values()) {
        if (pattern === topic || topic.startsWith(`${pattern}.`)) void listener(topic, { body: new Uint8Array() })
      }
    },
  }
}

let transports: Transport[] = []
afterEach(async () => {
  for (const transport of transports) await transport.close()
  transports = []
})

async function connect(network: Network, how: ConnectOptions = {}, options: ReconnectingOptions = {}) {
  const transport = reconnecting(network.driver, options)
  transports.push(transport)
  const statuses: TransportStatus[] = []
  await transport.connect({ ...how, onStatus: status => void statuses.push(status) })
  return { transport, statuses, types: () => statuses.map(({ type }) => type) }
}

const eventually = (expectation: () => unknown) => vi.waitFor(expectation, { timeout: 3000, interval: 2 })
const later = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const frame: Frame = { body: new Uint8Array(1) }
const last = ({ wires }: Network): Wire => wires.at(-1) as Wire

describe('a reconnecting transport', () => {
  it('comes back soon, with all that was subscribed, once', async () => {
    const network = createNetwork()
    const { transport, types } = await connect(network)
    const got: string[] = []
    await transport.subscribe('a', topic => void got.push(topic))
    await transport.pull('q', () => void got.push('q'))
    const inbox = await transport.inbox(token => void got.push(token))
    expect(inbox.reserve('t1')).toBe('rpc.t1')
    inbox.reserve('t2')
    inbox.release('t2')
    const start = performance.now()
    last(network).lose()
    await eventually(() => expect(types()).toEqual(['connected', 'disconnected', 'connected']))
    expect(performance.now() - start).toBeLessThan(900)
    for (const topic of ['a', 'q', 'rpc.t1', 'rpc.t2']) last(network).deliver(topic)
    expect(got).toEqual(['a', 'q', 't1'])
    expect(last(network).log).toEqual(['reserve t1'])
  })

  it('tells of each failed attempt and of the delay that follows, which grows', async () => {
    const network = createNetwork()
    const { statuses } = await connect(network)
    network.mode = 'refuse'
    last(network).lose(new Error('unplugged'))
    await eventually(() => expect(statuses).toHaveLength(5))
    expect(statuses[1]).toMatchObject({ type: 'disconnected', cause: { message: 'unplugged' } })
    const told = statuses.slice(2).map(status => (status.type === 'reconnecting' ? status : expect.fail(status.type)))
    expect(told.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    const [first = 0, second = 0, third = 0] = told.map(({ delay }) => delay)
    expect(first).toBeLessThanOrEqual(120)
    expect(second).toBeGreaterThanOrEqual(160)
    expect(third).toBeGreaterThanOrEqual(320)
    expect(told[0]?.cause).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('gives up an attempt that hangs, and tries again', async () => {
    const network = createNetwork()
    const { types } = await connect(network, { timeout: 50 })
    network.mode = 'hang'
    last(network).lose()
    await eventually(() => expect(types().slice(2)).toEqual(['reconnecting', 'reconnecting']))
    network.mode = 'accept'
    await eventually(() => expect(types().at(-1)).toBe('connected'))
  })

  it('fails to connect in time, naming where', async () => {
    const network = createNetwork()
    network.mode = 'hang'
    const start = performance.now()
    await expect(connect(network, { timeout: 50 })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('test://nowhere:1'),
    })
    expect(performance.now() - start).toBeLessThan(500)
    await expect(connect(network, {}, { connectTimeout: 20 })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('asks again for what was refused after a reconnect, and says so, until it is allowed', async () => {
    const network = createNetwork()
    const { transport, statuses } = await connect(network)
    const got: string[] = []
    await transport.subscribe('secret', topic => void got.push(topic))
    await transport.subscribe('open', topic => void got.push(topic))
    network.forbidden.add('secret')
    last(network).lose()
    await eventually(() => expect(statuses.at(-1)?.type).toBe('connected'))
    expect(statuses.at(-2)).toMatchObject({
      type: 'error',
      error: { code: 'NOT_AUTHORIZED', message: expect.stringContaining("'secret'") },
    })
    last(network).deliver('open')
    last(network).deliver('secret')
    expect(got).toEqual(['open'])
    network.forbidden.clear()
    await eventually(() => {
      last(network).deliver('secret')
      expect(got).toContain('secret')
    })
  })

  it('establishes again what the broker has ended alone, and says so', async () => {
    const network = createNetwork()
    const { transport, statuses, types } = await connect(network)
    const got: string[] = []
    await transport.subscribe('a', topic => void got.push(topic))
    await transport.subscribe('b', topic => void got.push(topic))
    const wire = last(network)
    wire.end('a', new CommlibError('CONNECTION_LOST', 'its queue was deleted'))
    wire.deliver('a')
    await eventually(() => expect(types()).toEqual(['connected', 'error']))
    expect(statuses.at(-1)).toMatchObject({ error: { message: 'its queue was deleted' } })
    await later(5)
    for (const topic of ['a', 'b']) wire.deliver(topic)
    expect(got).toEqual(['a', 'b'])
  })

  it('leaves alone what somebody else has taken over', async () => {
    const network = createNetwork()
    const { transport, statuses } = await connect(network)
    const got: string[] = []
    const subscription = await transport.subscribe('a', topic => void got.push(topic))
    const error = new CommlibError('SESSION_TAKEN', 'taken over')
    last(network).end('a', error)
    await eventually(() => expect(statuses.at(-1)).toEqual({ type: 'error', error, fatal: true }))
    last(network).lose()
    await eventually(() => expect(network.wires).toHaveLength(2))
    await later(5)
    last(network).deliver('a')
    expect(got).toEqual([])
    await subscription.close()
  })

  it('keeps what is sent while the broker takes nothing', async () => {
    const network = createNetwork()
    const { transport, types } = await connect(network)
    const { events, log } = last(network)
    events.paused()
    await transport.publish('a', frame)
    const pushed = transport.push('q', frame)
    expect(log).toEqual([])
    events.resumed()
    await pushed
    expect(log).toEqual(['publish a', 'push q'])
    expect(types()).toEqual(['connected'])
  })

  it('sends again what a broken part of the connection has left unconfirmed', async () => {
    const network = createNetwork()
    network.confirming = false
    const { transport, types } = await connect(network)
    const publishing = transport.publish('a', frame, { reliable: true })
    const { events, log } = last(network)
    events.interrupted()
    network.confirming = true
    expect(log).toEqual(['publish a'])
    events.resumed()
    await publishing
    expect(log).toEqual(['publish a', 'publish a'])
    expect(types()).toEqual(['connected'])
  })

  it('rejects a subscription that is refused at first, and does not ask again', async () => {
    const network = createNetwork()
    const { transport, types } = await connect(network)
    network.forbidden.add('secret')
    await expect(transport.subscribe('secret', () => {})).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
    last(network).lose()
    await eventually(() => expect(types()).toEqual(['connected', 'disconnected', 'connected']))
  })

  it('stops for good when its session was taken over', async () => {
    const network = createNetwork()
    const { transport, statuses } = await connect(network)
    network.mode = 'refuse'
    last(network).lose()
    const waiting = transport.publish('a', frame, { reliable: true }).catch(error => error)
    network.mode = 'accept'
    await waiting
    const subscribing = transport.subscribe('a', () => {})
    await subscribing
    const taken = new CommlibError('SESSION_TAKEN', 'taken')
    last(network).lose(taken)
    expect(statuses.slice(-2)).toEqual([
      { type: 'disconnected', cause: taken },
      { type: 'error', error: taken, fatal: true },
    ])
    const { attempts } = network
    await expect(transport.publish('a', frame)).rejects.toBe(taken)
    await expect(transport.push('a', frame)).rejects.toBe(taken)
    await expect(transport.subscribe('a', () => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await later(200)
    expect(network.attempts).toBe(attempts)
  })

  it('sends unconfirmed messages again, in order and before newer ones', async () => {
    const network = createNetwork()
    const { transport } = await connect(network)
    network.confirming = false
    const first = ['1', '2', '3'].map(topic => transport.publish(topic, frame, { reliable: true }))
    last(network).lose()
    network.confirming = true
    const more = [
      transport.publish('4', frame),
      transport.publish('5', frame, { reliable: true }),
      transport.push('6', frame),
    ]
    await Promise.all([...first, ...more])
    expect(network.wires).toHaveLength(2)
    expect(last(network).log).toEqual(['publish 1', 'publish 2', 'publish 3', 'publish 4', 'publish 5', 'push 6'])
  })

  it('leaves out what was closed during an outage, and establishes what was added', async () => {
    const network = createNetwork()
    const { transport } = await connect(network)
    const got: string[] = []
    const old = await transport.subscribe('a', () => void got.push('old'))
    last(network).lose()
    await old.close()
    await old.close()
    await transport.subscribe('a', () => void got.push('new'))
    last(network).deliver('a')
    expect(got).toEqual(['new'])
  })

  it.each([
    ['while it connects', 'hang', false],
    ['between two attempts', 'refuse', true],
    ['while it waits for the broker', 'hang', true],
  ] as const)('can be closed %s, and is quiet after that', async (_, mode, waitForBroker) => {
    const network = createNetwork()
    network.mode = mode
    const transport = reconnecting(network.driver)
    const connecting = transport.connect({ waitForBroker }).catch(error => error)
    if (waitForBroker) await connecting
    const pending = waitForBroker ? [transport.subscribe('a', () => {}), transport.push('a', frame)] : []
    const settled = Promise.allSettled(pending)
    await later(20)
    await Promise.all([transport.close(), transport.close()])
    if (!waitForBroker) expect(await connecting).toMatchObject({ code: 'CLOSED' })
    for (const each of await settled) expect(each).toMatchObject({ reason: { code: 'CLOSED' } })
    const { attempts } = network
    network.mode = 'accept'
    await later(250)
    expect(network.attempts).toBe(attempts)
    await expect(transport.connect()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(transport.publish('a', frame)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('closes a connection that opens after its time', async () => {
    const network = createNetwork()
    let open = () => {}
    const slow: Driver = {
      ...network.driver,
      open: async (events, options) => {
        await new Promise<void>(resolve => {
          open = resolve
        })
        return network.driver.open(events, { ...options, signal: new AbortController().signal })
      },
    }
    await expect(reconnecting(slow).connect({ timeout: 20 })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    open()
    await eventually(() => expect(last(network).log).toEqual(['close']))
  })

  it('gives unconfirmed messages some time when it closes, and no more', async () => {
    const network = createNetwork()
    const { transport } = await connect(network)
    network.confirming = false
    const sending = transport.publish('a', frame, { reliable: true }).catch(error => error)
    const start = performance.now()
    await transport.close()
    expect(performance.now() - start).toBeGreaterThan(900)
    expect(await sending).toMatchObject({ code: 'CLOSED' })
  })

  it('says that it is not connected before it is', async () => {
    const transport = reconnecting(createNetwork().driver)
    await expect(transport.publish('a', frame)).rejects.toMatchObject({
      code: 'CLOSED',
      message: expect.stringContaining('connect()'),
    })
    await expect(transport.subscribe('a', () => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(transport.inbox(() => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await transport.close()
  })

  it('adds nothing to a message while it is connected', async () => {
    const network = createNetwork()
    const { transport } = await connect(network)
    const sent = Promise.resolve()
    Object.assign(last(network).link, { publish: () => sent, push: () => sent })
    expect(transport.publish('a', frame)).toBe(sent)
    expect(transport.push('a', frame)).toBe(sent)
  })
})
