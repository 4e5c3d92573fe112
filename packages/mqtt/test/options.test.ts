import { transportFor } from '@commlib/core'
import { describe, expect, it } from 'vitest'
import { mqtt } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

const resolve = (url?: string, options = {}) => resolveOptions(url, options, () => 'id')

describe('options', () => {
  it.each([
    ['mqtt://host', 'mqtt://host:1883'],
    ['tcp://host:2000', 'mqtt://host:2000'],
    ['mqtts://host', 'mqtts://host:8883'],
    ['ssl://host', 'mqtts://host:8883'],
    ['tls://host', 'mqtts://host:8883'],
    ['ws://host', 'ws://host:80'],
    ['wss://host/path', 'wss://host:443'],
    ['mqtt://[::1]:1884', 'mqtt://[::1]:1884'],
    ['mqtt://anna:se%20same@host', 'mqtt://host:1883'],
    [undefined, 'mqtt://localhost:1883'],
  ])('take %s as %s', (url, target) => {
    expect(resolve(url).target).toBe(target)
  })

  it('come from the URL, and from the object first', () => {
    expect(resolve('mqtt://anna:se%20same@host:1').client).toMatchObject({
      host: 'host',
      port: 1,
      username: 'anna',
      password: 'se same',
    })
    expect(resolve('mqtt://anna@host:1', { port: 2, username: 'bert' }).client).toMatchObject({
      host: 'host',
      port: 2,
      username: 'bert',
    })
    expect(resolve('ws://host').client.path).toBe('/mqtt')
    expect(resolve('ws://host/elsewhere').client.path).toBe('/elsewhere')
    expect(resolve(undefined, { client: { reschedulePings: false }, host: 'h' }).client).toMatchObject({
      reschedulePings: false,
      host: 'h',
    })
  })

  it.each([
    [{ hots: 'x' }, /hots is not an option/],
    [{ protocol: 'http' }, /protocol \('http'\) must be one of mqtt/],
    [{ host: '' }, /host \(''\)/],
    [{ host: 'a b' }, /host \('a b'\)/],
    [{ port: 0 }, /port \(0\)/],
    [{ port: 1.5 }, /port \(1.5\)/],
    [{ port: '1883' }, /port \('1883'\)/],
    [{ protocolVersion: 3 }, /protocolVersion \(3\)/],
    [{ keepalive: -1 }, /keepalive \(-1\)/],
    [{ clientId: '' }, /clientId \(''\)/],
    [{ group: 'a/b' }, /group \('a\/b'\)/],
    [{ inbox: 'a/b' }, /inbox \('a\/b'\)/],
    [{ inbox: 7 as unknown as string }, /inbox \(7\)/],
    [{ path: 'mqtt' }, /path \('mqtt'\)/],
    [{ maxMessageBytes: 0 }, /maxMessageBytes \(0\)/],
    [{ sessionExpiry: 0 }, /sessionExpiry \(0\)/],
    [{ receiveMaximum: 70_000 }, /receiveMaximum \(70000\)/],
    [{ connectTimeout: Number.NaN }, /connectTimeout \(NaN\)/],
    [{ tls: {} }, /tls needs mqtts or wss, not mqtt/],
    [{ protocol: 'mqtts', tls: { rejectUnauthorised: false } }, /tls.rejectUnauthorised is not an option/],
    [{ will: { topic: 'a', payload: 1 } }, /will.payload \(1\)/],
    [{ offlineBuffer: { policy: 'drop' } }, /offlineBuffer.policy/],
    [{ offlineBuffer: { maxMessages: -1 } }, /offlineBuffer.maxMessages/],
  ])('refuse %o', (options, message) => {
    expect(() => mqtt(options as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
    )
  })

  it.each(['http://host', 'host:1883', 'mqtt://', '', 'mqtt//host'])('refuse the URL %s', url => {
    expect(() => mqtt(url)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('url') }),
    )
  })

  it('refuse without showing a password', () => {
    for (const make of [
      () => mqtt('http://anna:sesame@host'),
      () => mqtt('mqtt//anna:sesame@host'),
      () => mqtt({ password: 'sesame' }),
      () => mqtt({ username: 'anna', password: 12_345_678 as unknown as string }),
    ]) {
      expect(make).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/sesame|12345678/) }))
    }
  })

  it('name the schemes', () => {
    expect(mqtt.schemes).toEqual(['mqtt', 'tcp', 'mqtts', 'ssl', 'tls', 'ws', 'wss'])
    for (const scheme of mqtt.schemes) expect(transportFor(`${scheme}://host`, [mqtt]).name).toBe('mqtt')
  })
})
