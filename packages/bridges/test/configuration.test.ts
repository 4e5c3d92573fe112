import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfiguration } from '../src/cli/read-configuration.ts'
import { schema } from '../src/cli/schema.ts'

const parse = (text: string, env: NodeJS.ProcessEnv = {}) => parseConfiguration(text, { file: '/etc/b.yaml', env })

/** A configuration whose one bridge has these lines. */
const withBridge = (...lines: string[]) => `brokers:
  a: mqtt://a
  b: { url: amqp://b }
bridges:
  - ${lines.join('\n    ')}
`

describe('a configuration', () => {
  it('is read with its defaults, units and environment', () => {
    const { brokers, bridges, health } = parse(
      `brokers:
  plant: { url: mqtt://plant, options: { username: robot, password: "\${SECRET}" }, wire: '0.6' }
  cloud: amqp://cloud
bridges:
  - topic: sensors.*
    from: plant
    to: cloud
    namespace: plant1
    reliable: true
    source: { durable: edge }
    spool: { path: spool/sensors, maxBytes: 1.5 MB, maxAge: 2 h, whenFull: drop-oldest }
  - { rpc: add, from: cloud, to: plant, as: math.add, timeout: 3 s, name: adder }
health: { port: 9464 }
`,
      { SECRET: 'xyz' },
    )
    expect(brokers.get('plant')).toEqual({
      name: 'plant',
      url: 'mqtt://plant',
      options: { username: 'robot', password: 'xyz' },
      wire: '0.6',
    })
    expect(health).toEqual({ host: '127.0.0.1', port: 9464 })
    expect(bridges).toMatchObject([
      {
        name: 'sensors.* from plant to cloud',
        contract: { kind: 'topic', name: 'sensors.*' },
        options: {
          brokers: ['plant', 'cloud'],
          spool: { path: '/etc/spool/sensors', maxBytes: 1_500_000, maxAge: 7_200_000, whenFull: 'drop-oldest' },
        },
      },
      { name: 'adder', contract: { kind: 'rpc' }, options: { to: 'math.add', timeout: 3000 } },
    ])
  })

  it.each([
    ['nothing', '', '1:1: must be object'],
    ['no YAML', 'brokers: [a', '/etc/b.yaml:1:12: '],
    ['a key that stands twice', 'brokers: {}\nbrokers: {}', '/etc/b.yaml:2:1: Map keys must be unique'],
    ['neither brokers nor bridges', '{}', "1:1: 'brokers' is missing\n/etc/b.yaml:1:1: 'bridges' is missing"],
    ['an unknown setting', `${withBridge('topic: x', 'from: a', 'to: b')}bridge: []`, '8:9: bridge: there is no such'],
    [
      'a misspelt option',
      withBridge('topic: x', 'from: a', 'to: b', 'relable: true'),
      '8:14: bridges[0].relable: there',
    ],
    [
      'a wrong type',
      withBridge('topic: x', 'from: a', 'to: b', "reliable: 'yes'"),
      '8:15: bridges[0].reliable: must be',
    ],
    [
      'a wrong choice',
      withBridge('topic: x', 'from: a', 'to: b', 'naming: x'),
      'naming: must be one of dotted, commlib-py',
    ],
    [
      'a wrong size',
      withBridge('topic: x', 'from: a', 'to: b', 'spool: { path: x, maxBytes: 3 XB }'),
      '8:33: bridges[0].spool.maxBytes: must be a size such as 100 MB',
    ],
    ['a wrong time', withBridge('rpc: x', 'from: a', 'to: b', 'timeout: soon'), 'timeout: must be a time such as 30 s'],
    [
      'a spool without a path',
      withBridge('topic: x', 'from: a', 'to: b', 'spool: {}'),
      "bridges[0].spool: 'path' is missing",
    ],
    [
      'an unknown broker',
      withBridge('topic: x', 'from: a', 'to: c'),
      "7:9: bridges[0].to: there is no broker 'c' among a, b",
    ],
    [
      'no kind',
      withBridge('from: a', 'to: b'),
      '5:5: bridges[0]: a bridge carries one of topic, event, rpc and action: this one has none',
    ],
    ['two kinds', withBridge('topic: x', 'rpc: x', 'from: a', 'to: b'), 'this one has topic and rpc'],
    [
      'two names',
      withBridge('topic: x', 'from: a', 'to: b', 'as: y', 'namespace: z'),
      'to and namespace exclude each other',
    ],
    ['no topic', withBridge('topic: x..y', 'from: a', 'to: b'), "not a topic or pattern: 'x..y'"],
    ['no name of a call', withBridge('rpc: x.*', 'from: a', 'to: b'), "not a topic: 'x.*'"],
    ['no namespace', withBridge('topic: x', 'from: a', 'to: b', 'namespace: "!"'), "not a topic: '!'"],
    [
      'an option of another kind',
      withBridge('rpc: x', 'from: a', 'to: b', 'reliable: true'),
      "a bridge of calls has no option 'reliable'",
    ],
    [
      'a way back that is unclear',
      withBridge('topic: x.*', 'from: a', 'to: b', 'as: y', 'twoWay: true'),
      "what comes back to the pattern 'x.*' cannot be told",
    ],
    ['calls that call themselves', withBridge('rpc: x', 'from: a', 'to: b', 'twoWay: true'), 'would call themselves'],
    [
      'calls in a circle',
      `${withBridge('rpc: x', 'from: a', 'to: b', 'as: y')}  - { rpc: y, from: b, to: a, as: x }`,
      "b.yaml:9:5: bridges[1]: calls of 'y' to 'x' would go in a circle",
    ],
    ['a bridge to itself', withBridge('topic: x', 'from: a', 'to: a'), "would carry 'x' to itself"],
    [
      'a variable that is not set',
      withBridge(`topic: "\${NOWHERE}"`, 'from: a', 'to: b'),
      'bridges[0].topic: the environment has no NOWHERE',
    ],
    [
      'a broker without an URL',
      'brokers: { a: {} }\nbridges: [{ topic: x, from: a, to: a, as: y }]',
      "brokers.a: 'url' is missing",
    ],
    [
      'a broker without a fit name',
      'brokers: { "a b": mqtt://x }\nbridges: []',
      'brokers.a b: must be a name of up to 64',
    ],
    [
      'a port that is none',
      `${withBridge('topic: x', 'from: a', 'to: b')}health: { port: 99999 }`,
      '8:17: health.port: must be <= 65535',
    ],
  ])('with %s says where', (_, text, message) => {
    let said = ''
    try {
      parse(text)
    } catch (error) {
      said = `${(error as Error).name}: ${(error as Error).message}`
    }
    expect(said).toMatch(/^ConfigurationError: /)
    expect(said).toContain(message)
  })

  it('names a second of the same name, and a second of the same folder', () => {
    const text = `brokers: { a: mqtt://a, b: mqtt://b }
bridges:
  - { topic: x, from: a, to: b, spool: { path: s } }
  - { topic: y, from: a, to: b, spool: { path: ./s } }
  - { topic: x, from: a, to: b }
`
    expect(() => parse(text)).toThrow('b.yaml:4:48: bridges[1].spool.path: is the folder of bridges[0] too')
    expect(() => parse(text)).toThrow("b.yaml:5:5: bridges[2]: is called 'x from a to b' like bridges[0]")
  })

  it('has a published schema that is the one it is checked by', () => {
    const published = readFileSync(new URL('../bridge.schema.json', import.meta.url), 'utf8')
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(schema)))
  })
})
