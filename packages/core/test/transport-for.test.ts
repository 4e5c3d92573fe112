import { expect, it } from 'vitest'
import { memory, type TransportFactory, transportFor } from '../src/index.ts'

const fake: TransportFactory = Object.assign(() => memory('for'), { schemes: ['mqtt', 'mqtts'] })

it('picks by scheme', () => {
  expect(transportFor('mqtt://localhost', [fake]).name).toBe('memory')
  expect(transportFor('MQTTS://localhost', [fake]).name).toBe('memory')
})

it('names the package to install', () => {
  const invalid = (text: string) =>
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(text) })
  expect(() => transportFor('redis://localhost', [fake])).toThrow(invalid('npm install @commlib/redis'))
  expect(() => transportFor('kafka://localhost', [fake])).toThrow(invalid('mqtt, mqtts'))
  expect(() => transportFor('localhost', [fake])).toThrow(invalid("'localhost'"))
  expect(() => transportFor(undefined as never, [fake])).toThrow(invalid('undefined'))
})
