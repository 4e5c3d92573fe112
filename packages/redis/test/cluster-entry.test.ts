import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createAuthority, freePort, startRedis, startRedisCluster, startRedisSentinel } from '@commlib/testing'
import { describe, expect, it } from 'vitest'
import type { RedisOptions } from '../src/index.ts'
import { slotOf } from '../src/slots.ts'
import { after, bytes, connect, eventually, list, raw, text, unique } from './support.ts'

const SECRET = 'sesame-0pen'

const RIGHTS =
  '+@connection +@pubsub +@stream +@list +@string +@hash +del +expire +pexpireat +persist +eval +evalsha +time ' +
  '-@dangerous +info +cluster|slots +cluster|info'

async function roundTrip(options: RedisOptions, prefix = ''): Promise<void> {
  const { transport } = await connect(options)
  const [topic, queue] = [prefix + unique(), prefix + unique()]
  const got: string[] = []
  await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
  await transport.pull(queue, frame => void got.push(text(frame)))
  await transport.publish(topic, { body: bytes('topic') }, { reliable: true })
  await transport.push(queue, { body: bytes('queue') })
  await eventually(() => expect(got.sort()).toEqual(['queue', 'topic']))
}

async function refused(options: RedisOptions): Promise<void> {
  const error = await connect(options).catch(thrown => thrown)
  expect(error).toMatchObject({ code: 'NOT_AUTHORIZED' })
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
}

const users = (url: string) =>
  raw(url)
    .client('LIST')
    .then(lines => [...String(lines).matchAll(/name=commlib-\S* .* user=(\w+)/g)].map(([, user]) => user))

describe('a cluster', { timeout: 30_000 }, () => {
  it('is entered by a user, over TLS, and by no other', async () => {
    const authority = createAuthority()
    const { cert, key } = authority.sign('broker', 'localhost')
    const folder = await mkdtemp(join(tmpdir(), 'commlib-tls-'))
    after(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'ca.pem'), authority.ca)
    await writeFile(join(folder, 'cert.pem'), cert)
    await writeFile(join(folder, 'key.pem'), key)
    const port = await freePort()
    const cluster = await startRedisCluster({
      primaries: 1,
      replicas: 0,
      config: [
        `user anna on >${SECRET} ~* &* +@all`,
        `user robot on >r resetkeys resetchannels -@all ${RIGHTS} ~fleet.* ~commlib:*{fleet.* ~wake{fleet.* &fleet.*`,
        `tls-port ${port}`,
        `tls-cert-file ${folder}/cert.pem`,
        `tls-key-file ${folder}/key.pem`,
        `tls-ca-cert-file ${folder}/ca.pem`,
        'tls-auth-clients no',
        'tls-cluster yes',
      ],
    })
    after(() => cluster.close())
    // The nodes name each other by address, their certificate by name.
    const tls = { ca: authority.ca, servername: 'localhost' }
    await roundTrip({ cluster: [`rediss://anna:${SECRET}@localhost:${port}`], tls })
    await roundTrip({ cluster: [`redis://anna:${SECRET}@localhost:${cluster.nodes[0]?.port}`] })
    expect(new Set(await users(cluster.urls[0] as string))).toEqual(new Set(['anna']))
    await refused({ cluster: [`rediss://anna:${SECRET}x@localhost:${port}`], tls })
    // The rights that docs/security.md names.
    await roundTrip({ cluster: [`rediss://robot:r@localhost:${port}`], tls }, 'fleet.')
    await expect(connect({ cluster: [`rediss://localhost:${port}`] })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('certificate'),
    })
  })

  it('is not taken for one where there is but a server, or no slots', async () => {
    const server = await startRedis({ own: true })
    after(() => server.close())
    await expect(connect({ cluster: [server.url] })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('cluster support disabled'),
    })
    const cluster = await startRedisCluster({ primaries: 1, replicas: 0 })
    after(() => cluster.close())
    const [node] = cluster.nodes
    await node?.cli('cluster', 'delslotsrange', '0', '16383')
    await expect(connect({ cluster: cluster.urls })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('is in no cluster that has slots'),
    })
    await node?.cli('cluster', 'addslotsrange', '0', '16000')
    await expect(connect({ cluster: cluster.urls })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('is down: not all of its slots have a primary'),
    })
  })

  it('is told of to who takes one of its nodes for a server', async () => {
    const cluster = await startRedisCluster({ primaries: 2, replicas: 0 })
    after(() => cluster.close())
    const topic = unique()
    const home = await cluster.primaryOf(topic)
    for (const node of cluster.nodes) {
      const { transport } = await connect(node.url)
      const published = transport.publish(topic, { body: bytes('x') }, { reliable: true })
      if (node === home) await published
      else await expect(published).rejects.toThrow("give its URL as { cluster: ['redis://…'] }")
    }
  })

  it('goes on with the slots that there are, where that is allowed', async () => {
    const cluster = await startRedisCluster({
      primaries: 2,
      replicas: 0,
      config: ['cluster-require-full-coverage no'],
    })
    after(() => cluster.close())
    const { transport, statuses } = await connect({ cluster: cluster.urls })
    const [there, gone] = [unique(), unique()]
    for (const node of cluster.nodes) await node.cli('cluster', 'delslots', `${slotOf(gone)}`)
    await expect(transport.publish(gone, { body: bytes('x') }, { reliable: true })).rejects.toThrow('slot not served')
    await transport.publish(there, { body: bytes('x') }, { reliable: true })
    expect(statuses.map(({ type }) => type)).toEqual(['connected'])
  })

  it('that takes nothing is not asked more than it has to be', async () => {
    const cluster = await startRedisCluster({ primaries: 1, replicas: 0, config: ['min-replicas-to-write 1'] })
    after(() => cluster.close())
    const { transport, statuses } = await connect({ cluster: cluster.urls })
    const refusals = await Promise.allSettled(
      list(3).map(n => transport.publish(unique(), { body: bytes(n) }, { reliable: true })),
    )
    expect(refusals.map(({ status }) => status)).toEqual(list(3).map(() => 'rejected'))
    const links = statuses.filter(({ type }) => type === 'connected').length
    expect(links).toBeGreaterThan(3)
    expect(links).toBeLessThan(15)
    await raw(cluster.urls[0] as string).config('SET', 'min-replicas-to-write', 0)
    await transport.publish(unique(), { body: bytes('x') }, { reliable: true })
  })

  it('is looked for again when the node a client listens at is taken out of it', async () => {
    const cluster = await startRedisCluster({ primaries: 2, replicas: 0 })
    after(() => cluster.close())
    const { transport, statuses } = await connect({ cluster: cluster.urls, keepalive: 1 })
    const topic = unique()
    const got: string[] = []
    await transport.subscribe(topic, (_, frame) => void got.push(text(frame)))
    const listening = await Promise.all(
      cluster.nodes.map(async ({ url }) => ((await raw(url).pubsub('CHANNELS')) as string[]).includes(topic)),
    )
    const gone = cluster.nodes[listening.indexOf(true)]
    const other = cluster.nodes[listening.indexOf(false)]
    if (gone === undefined || other === undefined) return expect.fail('it listens at one of them')
    await other.cli('cluster', 'forget', gone.id)
    await gone.cli('cluster', 'reset')
    const slots = gone === cluster.nodes[0] ? ['0', '8191'] : ['8192', '16383']
    await other.cli('cluster', 'addslotsrange', ...slots)
    await eventually(() => expect(statuses.map(({ type }) => type)).toContain('disconnected'), 5000)
    await eventually(() => expect(statuses.at(-1)?.type).toBe('connected'), 10_000)
    await raw(other.url).publish(topic, 'x')
    await eventually(() => expect(got).toEqual(['x']))
  })
})

describe('sentinels', { timeout: 30_000 }, () => {
  it('take one user, and the primary another', async () => {
    const group = await startRedisSentinel({
      replicas: 1,
      sentinels: 1,
      config: [`user robot on >${SECRET}1 ~* &* +@all`],
      sentinelConfig: [`user watcher on >${SECRET}2 &* +@all`],
    })
    after(() => group.close())
    const at = (password: string) => group.urls.map(url => url.replace('redis://', `redis://watcher:${password}@`))
    const options = { sentinels: at(`${SECRET}2`), name: group.name, username: 'robot', password: `${SECRET}1` }
    await roundTrip(options)
    const [primary, replica] = group.servers
    if (primary === undefined || replica === undefined) return expect.fail('there are two')
    expect(new Set(await users(primary.url))).toEqual(new Set(['robot']))
    await refused({ ...options, sentinels: at(`${SECRET}3`) })
    await refused({ ...options, password: `${SECRET}3` })

    // What a sentinel has not noticed yet.
    await raw(primary.url).replicaof(replica.host, replica.port)
    await expect(connect(options)).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('is a replica, though a sentinel says it is the primary'),
    })
  })
})
