import { inspect } from 'node:util'
import { transportFor } from '@commlib/core'
import { describe, expect, it } from 'vitest'
import { type RedisOptions, redis } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

const SECRET = 'sesame-0pen'

/** What making a transport throws. */
function refusal(make: () => unknown): unknown {
  try {
    make()
  } catch (error) {
    return error
  }
  return expect.fail('it was taken')
}

describe('options', () => {
  it.each([
    ['redis://host', 'redis://host:6379', {}],
    ['redis://host:6380/', 'redis://host:6380', {}],
    ['rediss://host', 'rediss://host:6379', {}],
    ['redis://host/3', 'redis://host:6379', { db: 3 }],
    ['redis://host?db=3', 'redis://host:6379', { db: 3 }],
    ['redis://[::1]:1/0', 'redis://[::1]:1', { host: '::1', port: 1, db: 0 }],
    ['redis://anna:se%20same@host', 'redis://host:6379', { username: 'anna', password: 'se same' }],
    ['redis://:sesame@host', 'redis://host:6379', { password: 'sesame' }],
    ['unix:/run/redis.sock', 'unix:/run/redis.sock', { path: '/run/redis.sock', db: 0 }],
    ['unix:///run/my%20redis.sock?db=1', 'unix:/run/my redis.sock', { path: '/run/my redis.sock', db: 1 }],
    [undefined, 'redis://localhost:6379', { host: 'localhost', port: 6379, db: 0, protocol: 3 }],
  ])('take %s as %s', (url, target, client) => {
    const settings = resolveOptions(url)
    expect(settings).toMatchObject({ target, client })
    expect('tls' in settings.client).toBe(target.startsWith('rediss'))
    expect('username' in settings.client).toBe('username' in client)
  })

  it('come from the URL, and from the object first', () => {
    expect(resolveOptions('redis://anna:a@host:1/1', { port: 2, password: 'b', db: 0, path: undefined })).toMatchObject(
      {
        target: 'redis://host:2',
        client: { host: 'host', port: 2, username: 'anna', password: 'b', db: 0 },
      },
    )
    expect(resolveOptions(undefined, { path: '/run/redis.sock' }).target).toBe('unix:/run/redis.sock')
    const client = { host: 'elsewhere', keyPrefix: 'x', commandTimeout: 5 }
    expect(resolveOptions('redis://host', { client }).client).toMatchObject({ host: 'host', commandTimeout: 5 })
  })

  it.each([
    [{ hots: 'x' }, 'hots is not an option'],
    [{ protocol: 'mqtt' }, "protocol ('mqtt') must be one of redis"],
    [{ host: '' }, "host ('')"],
    [{ host: 'a b' }, "host ('a b')"],
    [{ host: 5 }, 'host (5)'],
    [{ port: 0 }, 'port (0)'],
    [{ port: '6379' }, "port ('6379')"],
    [{ path: 'redis.sock' }, "path ('redis.sock')"],
    [{ path: 5 }, 'path (5)'],
    [{ protocol: 'unix' }, 'path'],
    [{ protocol: 'redis', path: '/run/redis.sock' }, "path ('/run/redis.sock') is for unix, not redis"],
    [{ db: -1 }, 'db (-1)'],
    [{ db: '0' }, "db ('0')"],
    [{ username: 5, password: '' }, 'username (5)'],
    [{ username: 'anna' }, 'password is missing'],
    [{ protocolVersion: 4 }, 'protocolVersion (4)'],
    [{ keepalive: -1 }, 'keepalive (-1)'],
    [{ keepalive: '30' }, "keepalive ('30')"],
    [{ maxMessageBytes: 0 }, 'maxMessageBytes (0)'],
    [{ maxLength: 1.5 }, 'maxLength (1.5)'],
    [{ claimAfter: 5 }, 'claimAfter (5)'],
    [{ connectTimeout: Infinity }, 'connectTimeout (Infinity)'],
    [{ client: 5 }, 'client (5)'],
    [{ tls: {} }, 'tls needs rediss, not redis'],
    [{ protocol: 'rediss', tls: true }, 'tls (true)'],
    [{ protocol: 'rediss', tls: { ca: 5 } }, 'tls.ca'],
    [{ protocol: 'rediss', tls: { rejectUnauthorised: false } }, 'tls.rejectUnauthorised is not an option'],
    [{ protocol: 'rediss', tls: { rejectUnauthorized: 'no' } }, "tls.rejectUnauthorized ('no')"],
    [{ protocol: 'rediss', tls: { servername: 5 } }, 'tls.servername (5)'],
    [{ offlineBuffer: 5 }, 'offlineBuffer (5)'],
    [{ offlineBuffer: { maxMesages: 5 } }, 'offlineBuffer.maxMesages'],
    [{ offlineBuffer: { maxMessages: -1 } }, 'offlineBuffer.maxMessages'],
    [{ offlineBuffer: { policy: 'drop' } }, 'offlineBuffer.policy'],
  ])('refuse %o, and show it', (options, message) => {
    expect(refusal(() => redis(options as RedisOptions))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message),
    })
  })

  it.each([null, 5, true])('that are %o are refused', options => {
    for (const make of [() => redis(options as never), () => redis('redis://host', options as never)])
      expect(refusal(make)).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('options') })
  })

  it.each([
    '',
    'host',
    'host:6379',
    'redis//host',
    'http://host',
    'redis://',
    'redis://host/a',
    'redis://host/1/2',
    'redis://host?tls=1',
    'unix://run/redis.sock',
  ])('refuse the URL %o', url => {
    const message = expect.stringContaining('url')
    expect(refusal(() => redis(url))).toMatchObject({ code: 'INVALID_OPTION', message })
  })

  it.each([
    `redis//anna:${SECRET}@host`,
    `redis:anna:${SECRET}@host`,
    `anna:${SECRET}@host:6379`,
    `//anna:${SECRET}@host`,
    `http://anna:${SECRET}@host`,
    `redis://anna:${SECRET}@`,
    `redis://anna:${SECRET}@host:99999`,
    `redis://anna:%zz${SECRET}@host`,
    `redis://anna:${SECRET}@host/x`,
    `redis://anna:12/${SECRET}@host`,
    `redis://anna:12#${SECRET}@host`,
    `redis://anna:${SECRET}#@host`,
    `redis://host?password=${SECRET}`,
    `unix:${SECRET}@/run/redis.sock`,
  ])('refuse the URL %o, and show no password', url => {
    const error = refusal(() => redis(url))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('url') })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
  })

  it('show no secret where they are of the wrong type, or a host is a URL', () => {
    const wrong: readonly RedisOptions[] = [
      { host: `redis://anna:${SECRET}@host` },
      { username: 'anna', password: { SECRET } as never },
      { protocol: 'rediss', tls: { key: { SECRET } as never } },
      { protocol: 'rediss', tls: { passphrase: [SECRET] as never } },
    ]
    for (const options of wrong) {
      const error = refusal(() => redis(options))
      expect(error).toMatchObject({ code: 'INVALID_OPTION' })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
    }
  })

  it('name the schemes', () => {
    expect(redis.schemes).toEqual(['redis', 'rediss', 'unix'])
    for (const url of ['redis://host', 'rediss://host', 'unix:/run/redis.sock'])
      expect(transportFor(url, [redis]).name).toBe('redis')
  })
})
