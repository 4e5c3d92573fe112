import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { action, createNode, rpc, topic } from '@commlib/core'
import { createAuthority, createFaultProxy, type Rabbit, selfSigned, startRabbit } from '@commlib/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type AmqpOptions, amqp } from '../src/index.ts'
import { after, bytes, connect, eventually, listen, text, unique } from './support.ts'

const authority = createAuthority()
const server = authority.sign('localhost', 'localhost')
const anna = authority.sign('anna', 'anna')

let broker: Rabbit
beforeAll(async () => {
  broker = await startRabbit({
    tls: { ...server, ca: authority.ca },
    plugins: ['rabbitmq_auth_mechanism_ssl'],
    config: [
      'auth_mechanisms.1 = PLAIN',
      'auth_mechanisms.2 = AMQPLAIN',
      'auth_mechanisms.3 = EXTERNAL',
      'ssl_cert_login_from = common_name',
    ],
  })
  await broker.ctl('add_user', 'anna', 'sesame')
  await broker.ctl('add_vhost', 'plant/1')
  await broker.ctl('set_permissions', '-p', 'plant/1', 'anna', '.*', '.*', '.*')
  await broker.ctl('set_permissions', '-p', '/', 'anna', '.*', '.*', '.*')
  await broker.ctl('add_vhost', 'closed')
})
afterAll(() => broker.close())
afterEach(({ task }) => {
  // Why a handshake failed is known to the broker alone.
  if (task.result?.state === 'fail') console.error(broker.log().slice(-3000))
})

/** The TLS listener, under the name of its certificate. */
const secure = () => String(broker.tlsUrl).replace('127.0.0.1', 'localhost')

const failure = (url: string, options: AmqpOptions = {}): Promise<Error> =>
  amqp(url, options)
    .connect({ timeout: 5000 })
    .then(
      () => expect.fail('it connected'),
      error => error,
    )

async function roundTrip(url: string, options: AmqpOptions = {}): Promise<void> {
  const { transport } = await connect(url, options)
  const topic = unique()
  const got: string[] = []
  await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
  await transport.publish(topic, { body: bytes('x') }, { reliable: true })
  await eventually(() => expect(got).toEqual(['x']))
}

describe('connecting', () => {
  it('takes a user, a password and a vhost, from the URL or as options', async () => {
    await roundTrip(`amqp://anna:sesame@${broker.host}:${broker.port}/plant%2F1`)
    await roundTrip(broker.url, { username: 'anna', password: 'sesame', vhost: 'plant/1' })
    await roundTrip(broker.url)
  })

  it('passes over a node that is silent, and stays with the one that answers', async () => {
    const proxy = await createFaultProxy(broker)
    after(proxy.close)
    await proxy.halfOpen()
    const { statuses } = await connect([proxy.url('amqp'), broker.url], { connectTimeout: 1000 }, { timeout: 5000 })
    // Longer than each of them has.
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(statuses).toEqual([{ type: 'connected' }])
  })

  it('keeps vhosts apart', async () => {
    const [a, b] = [
      await connect(broker.url, { username: 'anna', password: 'sesame', vhost: 'plant/1' }),
      await connect(broker.url),
    ]
    const topic = unique()
    const got: string[] = []
    await a.transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    await b.transport.publish(topic, { body: bytes('b') }, { reliable: true })
    await a.transport.publish(topic, { body: bytes('a') }, { reliable: true })
    await eventually(() => expect(got).toEqual(['a']))
  })

  it('takes another exchange, which it declares', async () => {
    await roundTrip(broker.url, { exchange: unique() })
  })

  it('tells a wrong password, a vhost that there is not, and one that is closed to the user', async () => {
    const { url, host, port } = broker
    const where = `amqp://${host}:${port}`
    const denied = await failure(url, { username: 'anna', password: 'guess' })
    expect(denied).toMatchObject({ code: 'NOT_AUTHORIZED', message: expect.stringContaining(`${where} refused`) })
    expect(denied.message).toContain('bad user name or password')
    expect(JSON.stringify(denied) + denied.message + denied.cause).not.toContain('guess')
    const vhosts = [
      ['nowhere', await failure(`${url}/nowhere`)],
      ['closed', await failure(`${url}/closed`, { username: 'anna', password: 'sesame' })],
    ] as const
    for (const [vhost, error] of vhosts) {
      const message = expect.stringContaining(`${where} refused the vhost '${vhost}'`)
      expect(error).toMatchObject({ code: 'NOT_AUTHORIZED', message })
    }
  })

  it('tells an unknown host, a refused connection, and what is no AMQP', async () => {
    expect(await failure('amqp://no-such-host.invalid')).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(
        /amqp:\/\/no-such-host\.invalid:5672: (unknown host|the host name could not be resolved)/,
      ),
    })
    expect(await failure('amqp://127.0.0.1:1')).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('amqp://127.0.0.1:1: connection refused'),
    })
    const web = createServer(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    after(() => web.close())
    expect(await failure(`amqp://127.0.0.1:${await listen(web)}`)).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('knows a client by its certificate (EXTERNAL), or by its password over TLS', async () => {
    const tls = { ca: authority.ca, ...anna }
    await roundTrip(secure(), { auth: 'external', tls })
    await roundTrip(secure(), { username: 'anna', password: 'sesame', tls })
    const bob = authority.sign('bob', 'bob')
    expect(await failure(secure(), { auth: 'external', tls: { ca: authority.ca, ...bob } })).toMatchObject({
      code: 'NOT_AUTHORIZED',
    })
  })

  it('tells a certificate that is not trusted, that is for another host, and that is missing', async () => {
    const { ca } = authority
    expect(await failure(secure(), { tls: anna })).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('the certificate is not accepted: its authority is unknown'),
    })
    expect(await failure(secure(), { tls: { ca, ...anna, servername: 'elsewhere' } })).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('it is for another host'),
    })
    expect(await failure(secure(), { tls: { ca } })).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`${secure()}: `),
    })
    await roundTrip(secure(), { tls: { ...anna, rejectUnauthorized: false } })
  })

  it.each([
    ['that is self-signed', () => selfSigned('localhost'), /self-signed/],
    ['that has expired', () => authority.sign('localhost', 'localhost', 0), /it has expired/],
  ])('tells a certificate %s', async (_, identity, message) => {
    const tls = identity()
    // One of no days has expired a second later.
    await new Promise(resolve => setTimeout(resolve, 1100))
    const { createServer } = await import('node:tls')
    const other = createServer(tls, socket => socket.on('error', () => {}))
    other.on('tlsClientError', () => {})
    after(() => other.close())
    const error = await failure(`amqps://localhost:${await listen(other)}`, { tls: { ca: authority.ca } })
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringMatching(message) })
  })
})

describe('the permissions of a robot in docs/security.md', () => {
  it('let it do its work, and nothing else', async () => {
    const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
    const commands = Array.from(page.matchAll(/^rabbitmqctl (set_\w*permissions -p plant .*)$/gm), ([, line = '']) =>
      line.split(' ').map(word => word.replace(/^'(.*)'$/, '$1')),
    )
    expect(commands).toHaveLength(2)
    await broker.ctl('add_vhost', 'plant')
    await broker.ctl('add_user', 'r1', 'secret')
    for (const command of commands) await broker.ctl(...command)
    await broker.ctl('set_permissions', '-p', 'plant', 'anna', '.*', '.*', '.*')
    const told: unknown[] = []
    const robot = await createNode({
      name: 'robot',
      deviceId: 'r1',
      control: true,
      transport: amqp(broker.url, { username: 'r1', password: 'secret', vhost: 'plant' }),
      onStatus: status => told.push(status),
      onError: () => {},
    })
    after(() => robot.close())
    const desk = await createNode({
      transport: amqp(broker.url, { username: 'anna', password: 'sesame', vhost: 'plant' }),
      heartbeat: false,
    })
    after(() => desk.close())
    const [Route, Drive] = [rpc<object, object>('fleet.r1.route'), action<object, object, object>('fleet.r1.drive')]
    const Sensor = topic<object>('fleet.r1.sensors.sonar')
    const heard: unknown[] = []
    await desk.subscribe(Sensor, message => void heard.push(message))
    await robot.serve(Route, request => request)
    await robot.serve(Drive, goal => goal)
    await robot.publisher(Sensor).publish({ distance: 1 })
    expect(await desk.client(Route)({ to: 'dock' })).toEqual({ to: 'dock' })
    expect(await (await desk.client(Drive)({ to: 'dock' })).result).toEqual({ to: 'dock' })
    await eventually(() => expect(heard).toEqual([{ distance: 1 }]))
    expect(told).toEqual([{ type: 'connected' }])

    const denied = { code: 'NOT_AUTHORIZED' }
    await expect(robot.serve(rpc('fleet.r2.route'), request => request)).rejects.toMatchObject(denied)
    await expect(robot.subscribe(topic('fleet.r2.sensors.sonar'), () => {})).rejects.toMatchObject(denied)
    const Foreign = topic<object>('fleet.r2.sensors.sonar')
    await desk.subscribe(Foreign, message => void heard.push(message))
    await robot.publisher(Foreign).publish({ distance: 2 })
    await eventually(() => expect(told.at(-1)).toMatchObject({ type: 'error', error: denied }))
    await robot.publisher(Sensor).publish({ distance: 3 })
    await eventually(() => expect(heard).toEqual([{ distance: 1 }, { distance: 3 }]))
    expect(await desk.client(Route)({ to: 'dock' })).toEqual({ to: 'dock' })
  })
})
