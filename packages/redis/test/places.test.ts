import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

const SECRET = 'sesame-0pen'

describe('a cluster', () => {
  it('is named by some of its nodes, which take the same login', () => {
    const options = { cluster: [`redis://anna:${SECRET}@a`, 'redis://b:7000', 'redis://[::1]'] }
    expect(resolveOptions(undefined, options)).toMatchObject({
      target: 'redis://a:6379, redis://b:7000, redis://[::1]:6379',
      client: { username: 'anna', password: SECRET, db: 0 },
    })
    const other = resolveOptions(undefined, { ...options, username: 'bob', password: 'b' })
    expect(other.client).toMatchObject({ username: 'bob', password: 'b' })
    expect(other.client).not.toHaveProperty('host')
  })

  it('has TLS where its URLs say so', () => {
    const { client } = resolveOptions(undefined, { cluster: ['rediss://a'], tls: { servername: 'x' } })
    expect(client.tls).toEqual({ servername: 'x', rejectUnauthorized: true })
  })
})

describe('sentinels', () => {
  it('have logins of their own, and lead to a primary with its own', () => {
    const { target, client, place } = resolveOptions(undefined, {
      sentinels: [`redis://watcher:${SECRET}@a`, 'rediss://b:1'],
      name: 'mymaster',
      password: 'p',
      db: 3,
      tls: { servername: 'x' },
    })
    expect(target).toBe("'mymaster' of redis://a:26379, rediss://b:1")
    expect(client).toMatchObject({ password: 'p', db: 3 })
    expect(client).not.toHaveProperty('tls')
    expect(place).toMatchObject({
      protocol: 'redis',
      sentinels: [
        { client: { host: 'a', port: 26_379, username: 'watcher', password: SECRET, db: 0 } },
        { client: { host: 'b', port: 1, db: 0, tls: { servername: 'x', rejectUnauthorized: true } } },
      ],
    })
    const secure = resolveOptions(undefined, { sentinels: ['redis://a'], name: 'm', protocol: 'rediss' })
    expect(secure.client.tls).toEqual({ rejectUnauthorized: true })
  })
})

describe('options', () => {
  it.each([
    [{ cluster: [] }, "cluster must be an array of URLs, such as ['redis://localhost:6379']"],
    [{ cluster: 'redis://a' }, 'cluster must be an array of URLs'],
    [{ cluster: [5] }, 'cluster[0] (5) must be a URL'],
    [{ cluster: ['redis://a', 'b:6379'] }, "cluster[1] ('b:6379') must begin with one of redis:"],
    [{ cluster: ['redis://a', 'rediss://b'] }, "cluster[1] ('rediss://b:6379') must begin with redis:"],
    [{ cluster: ['unix:/run/redis.sock'] }, "cluster[0] ('unix:/run/redis.sock') must begin with redis: or rediss:"],
    [{ cluster: ['redis://a/1'] }, "cluster[0] ('redis://a/1') must name no database"],
    [{ cluster: ['redis://a'], db: 1 }, 'db (1) must be 0'],
    [{ cluster: ['redis://a'], host: 'b' }, "host ('b') has no place beside cluster"],
    [{ cluster: ['redis://a'], port: 1 }, 'port (1) has no place beside cluster'],
    [{ cluster: ['redis://a'], protocol: 'unix' }, "protocol ('unix') has no place beside cluster"],
    [{ cluster: ['redis://a'], sentinels: ['redis://a'], name: 'm' }, 'sentinels has no place beside cluster'],
    [{ cluster: ['redis://a'], tls: {} }, 'tls needs rediss, not redis'],
    [{ cluster: ['redis://a'], name: 'm' }, "name ('m') goes with sentinels"],
    [{ cluster: ['redis://anna@a'] }, "cluster[0] ('redis://***@a') has a user, and no password"],
    [{ sentinels: ['redis://a'] }, 'name must be what the sentinels call the primary'],
    [{ sentinels: ['redis://a'], name: 5 }, 'name (5) must be what the sentinels call the primary'],
    [{ sentinels: [], name: 'm' }, "sentinels must be an array of URLs, such as ['redis://localhost:26379']"],
    [{ sentinels: ['redis://a'], name: 'm', path: '/x' }, "path ('/x') has no place beside sentinels"],
    [{ sentinels: ['redis://a/0/1'], name: 'm' }, "sentinels[0] ('redis://a/0/1') must end with the number"],
    [{ name: 'm' }, "name ('m') goes with sentinels"],
  ])('refuse %o, and show it', (options, message) => {
    expect(refusal(() => redis(options as RedisOptions))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message),
    })
  })

  it('of one server have no place beside several, and show no password', () => {
    const wrong: ReadonlyArray<() => unknown> = [
      () => redis(`redis://anna:${SECRET}@host`, { cluster: ['redis://a'] }),
      () => redis(`redis://anna:${SECRET}@host`, { sentinels: ['redis://a'], name: 'm' }),
      () => redis({ cluster: [`redis://anna:${SECRET}@a`, `redis://anna:${SECRET}2@b`] }),
      () => redis({ cluster: [`http://anna:${SECRET}@a`] }),
      () => redis({ cluster: [`redis://anna:${SECRET}@a/1`] }),
      () => redis({ sentinels: [`redis://anna:${SECRET}@a:x`], name: 'm' }),
    ]
    for (const make of wrong) {
      const error = refusal(make)
      expect(error).toMatchObject({ code: 'INVALID_OPTION' })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
    }
  })
})

/** What making a transport throws. */
function refusal(make: () => unknown): unknown {
  try {
    make()
  } catch (error) {
    return error
  }
  return expect.fail('it was taken')
}
