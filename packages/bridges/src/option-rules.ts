import { assertOptions, CommlibError, type Rule, type Rules, show } from '@commlib/core/internal'
import type { BridgeContract } from './options.ts'

const words: Rule = ['a string', value => typeof value === 'string']
const flag: Rule = ['true or false', value => typeof value === 'boolean']
const callback: Rule = ['a function', value => typeof value === 'function']
const object: Rule = ['an object', value => typeof value === 'object' && value !== null]
const signal: Rule = ['an AbortSignal', value => value instanceof AbortSignal]
const label: Rule = [
  'a name of letters, digits, _, ., : and -',
  value => typeof value === 'string' && /^[\w.:-]{1,200}$/.test(value),
]
const broker = (value: unknown) => typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value)

function atLeast(min: number, what = 'number'): Rule {
  const whole = what === 'integer'
  return [
    `${whole ? 'an' : 'a'} ${what} of at least ${min}`,
    value => typeof value === 'number' && value >= min && (!whole || Number.isInteger(value) || value === Infinity),
  ]
}

const common: Rules = {
  to: words,
  namespace: words,
  rename: callback,
  name: ['a text', value => typeof value === 'string' && value !== ''],
  brokers: [
    'two different names of letters, digits, _, ., : and -',
    value => Array.isArray(value) && value.length === 2 && value.every(broker) && value[0] !== value[1],
  ],
  signal,
  onError: callback,
}

const messages: Rules = {
  ...common,
  filter: callback,
  transform: callback,
  twoWay: ['true, false or { pattern, rename, filter, transform }', value => flag[1](value) || object[1](value)],
  reliable: flag,
  latched: flag,
  source: object,
  sink: object,
  validate: flag,
  rate: ['a number above 0', value => typeof value === 'number' && value > 0],
  sample: atLeast(1, 'integer'),
  naming: ["'dotted' or 'commlib-py'", value => value === 'dotted' || value === 'commlib-py'],
  maxInFlight: atLeast(1, 'integer'),
  spool: object,
}

const calls: Rules = { ...common, twoWay: flag, timeout: atLeast(0), concurrency: atLeast(1, 'integer') }

const rpcs: Rules = { ...calls, filter: callback, transform: ['{ request, response }', object[1]] }

const nested: Readonly<Record<string, Rules>> = {
  twoWay: { pattern: words, rename: callback, filter: callback, transform: callback },
  source: { reliable: flag, latched: flag, durable: label, group: label, member: label },
  sink: { reliable: flag, latched: flag },
  transform: { request: callback, response: callback },
  spool: {
    path: ['the path of a folder', value => typeof value === 'string' && value !== ''],
    maxBytes: atLeast(1),
    maxMessages: atLeast(1),
    maxAge: atLeast(1),
    whenFull: [
      "'block', 'drop-oldest' or 'drop-newest'",
      value => value === 'block' || value === 'drop-oldest' || value === 'drop-newest',
    ],
    sync: flag,
  },
}

/** Throws `INVALID_OPTION` for what no bridge of this contract can do. */
export function checkOptions(contract: BridgeContract, options: unknown): void {
  const kind = (contract as { kind?: unknown } | null | undefined)?.kind
  if (kind !== 'topic' && kind !== 'event' && kind !== 'rpc' && kind !== 'action') {
    throw new CommlibError(
      'INVALID_OPTION',
      `a bridge needs a contract made by topic, event, rpc or action, not ${show(contract)}`,
    )
  }
  assertOptions(
    `a bridge of ${kind === 'rpc' ? 'calls' : `${kind}s`}`,
    options,
    kind === 'rpc' ? rpcs : kind === 'action' ? calls : messages,
  )
  const given = options as Readonly<Record<string, unknown>>
  for (const [key, rules] of Object.entries(nested))
    if (typeof given[key] === 'object') assertOptions(key, given[key], rules, `${key}.`)
  const { to, namespace, rename, twoWay, transform, spool } = given
  const named = to ?? namespace ?? rename
  if (twoWay === true && transform !== undefined) {
    throw new CommlibError(
      'INVALID_OPTION',
      kind === 'rpc'
        ? 'twoWay calls with a transform would be changed alike both ways: make two bridges'
        : 'twoWay with a transform needs to know the way back: give twoWay: { transform }',
    )
  }
  if (twoWay && named === undefined && (kind === 'rpc' || kind === 'action')) {
    throw new CommlibError(
      'INVALID_OPTION',
      'twoWay calls under one name would call themselves: give to, namespace or rename',
    )
  }
  if (spool !== undefined && (spool as { path?: unknown }).path === undefined) {
    throw new CommlibError('INVALID_OPTION', 'spool.path must name the folder of its store')
  }
}
