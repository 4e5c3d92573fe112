import { transportFor } from '@commlib/core'
import { describe, expect, it } from 'vitest'
import { type AmqpOptions, amqp } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

/** What JavaScript may give. */
const wrong = (options: Record<string, unknown>): unknown => {
  try {
    amqp(options as AmqpOptions)
  } catch (error) {
    return error
  }
  return undefined
}

describe('the options', () => {
  it.each([
    [{ hots: 'x' }, 'hots'],
    [{ protocol: 'mqtt' }, 'protocol'],
    [{ host: 'a b' }, 'host'],
    [{ port: 0 }, 'port'],
    [{ vhost: 'x'.repeat(128) }, 'vhost'],
    [{ auth: 'none' }, 'auth'],
    [{ auth: 'external' }, 'tls.cert'],
    [{ tls: {} }, 'amqps'],
    [{ protocol: 'amqps', tls: { ca: 5 } }, 'tls.ca'],
    [{ exchange: '' }, 'exchange'],
    [{ heartbeat: -1 }, 'heartbeat'],
    [{ prefetch: 70_000 }, 'prefetch'],
    [{ durableExpiry: 0 }, 'durableExpiry'],
    [{ maxMessageBytes: 1.5 }, 'maxMessageBytes'],
    [{ offlineBuffer: { max: 1 } }, 'max'],
    [{ offlineBuffer: { maxMessages: -1 } }, 'offlineBuffer.maxMessages'],
    [{ connectTimeout: '5' }, 'connectTimeout'],
  ])('%o are refused, and the message names what is wrong', (options, name) => {
    expect(wrong(options)).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(name) })
  })

  it.each([
    'amqp://anna:sesame@',
    'amqp://anna:ses%ame@host',
    'amqp://anna:sesame@host/a/b',
    'amqp://anna:sesame@host?heartbeat=5',
    'amqp://anna:sesame@host:99999',
    'mqtt://anna:sesame@host',
    'anna:sesame@host',
  ])('do not show the password of %s', url => {
    const refusal = (() => {
      try {
        amqp(url)
      } catch (error) {
        return error
      }
      return undefined
    })()
    expect(refusal).toMatchObject({ code: 'INVALID_OPTION', message: expect.not.stringMatching(/ses/) })
  })

  it.each([{ password: { secret: 'sesame' } }, { protocol: 'amqps', tls: { key: ['sesame'] } }])(
    'show no secret that is of the wrong type',
    options => {
      expect(wrong(options)).toMatchObject({ code: 'INVALID_OPTION', message: expect.not.stringContaining('sesame') })
    },
  )

  it('go before the URL, which goes before the defaults', () => {
    const { addresses } = resolveOptions(['amqp://anna:ses%40me@[::1]:1/plant%2F1', 'amqp://host'], { port: 2 })
    expect(addresses).toEqual([
      {
        target: 'amqp://[::1]:2',
        protocol: 'amqp',
        host: '::1',
        port: 2,
        username: 'anna',
        password: 'ses@me',
        vhost: 'plant/1',
      },
      {
        target: 'amqp://host:2',
        protocol: 'amqp',
        host: 'host',
        port: 2,
        username: 'guest',
        password: 'guest',
        vhost: '/',
      },
    ])
    expect(resolveOptions(['amqps://host/'])).toMatchObject({
      addresses: [{ target: 'amqps://host:5671', vhost: '/' }],
      exchange: 'amq.topic',
      heartbeat: 10,
    })
  })

  it('come from a URL by its scheme', () => {
    expect(transportFor('amqps://host', [amqp]).name).toBe('amqp')
  })
})
