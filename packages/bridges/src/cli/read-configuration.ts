import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { action, event, rpc, topic } from '@commlib/core'
import { toError } from '@commlib/core/internal'
import { Compile } from 'typebox/schema'
import { LineCounter, parseDocument } from 'yaml'
import { circleOf, Ways } from '../call-loops.ts'
import { renaming, wayBack } from '../naming.ts'
import { checkOptions } from '../option-rules.ts'
import type { BridgeContract, BridgeOptions } from '../options.ts'
import {
  type BridgeConfiguration,
  type BrokerConfiguration,
  type Configuration,
  ConfigurationError,
  type Problem,
} from './configuration.ts'
import { problemsOf } from './problems.ts'
import { parts } from './schema.ts'
import { milliseconds, sizeOf } from './units.ts'

const contracts = { topic, event, rpc, action }
type Kind = keyof typeof contracts
const KINDS = Object.keys(contracts) as Kind[]

/** A bridge as the schema leaves it. */
type Raw = Readonly<Record<string, unknown>> & { readonly from: string; readonly to: string }

const [forFile, forBroker, forBridge, forHealth] = [parts.file, parts.broker, parts.bridge, parts.health].map(part =>
  Compile(part as never),
)

/** Reads and checks a file. Throws a {@link ConfigurationError} that names every mistake, with its line and its path. */
export function readConfiguration(file: string, env: NodeJS.ProcessEnv = process.env): Configuration {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigurationError(`${file}: cannot be read: ${toError(error).message}`, { cause: error })
  }
  return parseConfiguration(source, { file, env })
}

/** Reads and checks the text of a file. */
export function parseConfiguration(
  source: string,
  { file, env }: { readonly file: string; readonly env: NodeJS.ProcessEnv },
): Configuration {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, uniqueKeys: true })
  const fail = (problems: readonly Problem[]): never => {
    const told = problems.map(({ path, message }) => {
      const { line, col } = lines.linePos(offsetOf(document, path))
      return `${file}:${line}:${col}: ${path.length > 0 ? `${shown(path)}: ` : ''}${message}`
    })
    throw new ConfigurationError(told.join('\n'))
  }
  if (document.errors.length > 0) {
    const told = document.errors.map(({ linePos, message }) => {
      const [at = { line: 1, col: 1 }] = linePos ?? []
      return `${file}:${at.line}:${at.col}: ${message.split('\n')[0]}`
    })
    throw new ConfigurationError(told.join('\n'))
  }
  const problems: Problem[] = []
  const value = substitute(document.toJS({ maxAliasCount: 100 }), env, [], problems)
  if (problems.length > 0) fail(problems)
  problems.push(...shapeProblems(value))
  if (problems.length > 0) fail(problems)
  const checked = build(value as never, dirname(file), problems)
  if (problems.length > 0) fail(problems)
  return checked
}

function shapeProblems(value: unknown): Problem[] {
  const check = (validator: typeof forFile, part: unknown, ...path: (string | number)[]) =>
    validator?.Check(part) === false
      ? problemsOf(part, validator.Errors(part)[1]).map(problem => ({ ...problem, path: [...path, ...problem.path] }))
      : []
  const { brokers, bridges, health } = (value ?? {}) as Readonly<Record<string, unknown>>
  return [
    ...check(forFile, value),
    ...Object.entries(isObject(brokers) ? brokers : {}).flatMap(([name, each]) =>
      check(forBroker, each, 'brokers', name),
    ),
    ...(Array.isArray(bridges) ? bridges : []).flatMap((each, i) => check(forBridge, each, 'bridges', i)),
    ...(isObject(health) ? check(forHealth, health, 'health') : []),
  ]
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where a value stands; of what is not there, the nearest around it. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined
    if (node?.range?.[0] !== undefined) return node.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}

function shown(path: readonly (string | number)[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('')
}

/** `${NAME}` is what the environment says, so that no password stands in a file. */
function substitute(
  value: unknown,
  env: NodeJS.ProcessEnv,
  path: readonly (string | number)[],
  problems: Problem[],
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)\}/g, (whole, name: string) => {
      const set = env[name]
      if (set === undefined) problems.push({ path, message: `the environment has no ${name}` })
      return set ?? whole
    })
  }
  if (Array.isArray(value)) return value.map((each, i) => substitute(each, env, [...path, i], problems))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, substitute(each, env, [...path, key], problems)]),
  )
}

interface RawConfiguration {
  readonly brokers: Readonly<Record<string, string | Omit<BrokerConfiguration, 'name'>>>
  readonly bridges: readonly Raw[]
  readonly health?: { readonly host?: string; readonly port: number }
}

function build({ brokers, bridges, health }: RawConfiguration, folder: string, problems: Problem[]): Configuration {
  const named = new Map(
    Object.entries(brokers).map(([name, given]) => {
      const { url, options = {}, wire } = typeof given === 'string' ? { url: given } : { ...given }
      return [name, { name, url, options, wire } as BrokerConfiguration] as const
    }),
  )
  const all: BridgeConfiguration[] = []
  const names = new Map<string, number>()
  const spools = new Map<string, number>()
  const ways = new Ways()
  for (const [i, raw] of bridges.entries()) {
    const problem = (message: string, ...path: readonly string[]) =>
      void problems.push({ path: ['bridges', i, ...path], message })
    for (const side of ['from', 'to'] as const)
      if (!named.has(raw[side]))
        problem(`there is no broker '${raw[side]}' among ${[...named.keys()].join(', ')}`, side)
    const kinds = KINDS.filter(kind => raw[kind] !== undefined)
    if (kinds.length !== 1) {
      const which = kinds.length === 0 ? 'none' : kinds.join(' and ')
      problem(`a bridge carries one of topic, event, rpc and action: this one has ${which}`)
      continue
    }
    const [kind] = kinds as [Kind]
    const { name = `${String(raw[kind])} from ${raw.from} to ${raw.to}` } = raw as { name?: string }
    const other = names.get(name)
    if (other !== undefined) problem(`is called '${name}' like bridges[${other}]: give it a name of its own`)
    names.set(name, i)
    const { path } = (raw['spool'] ?? {}) as { path?: string }
    if (path !== undefined) {
      const owner = spools.get(resolve(folder, path))
      if (owner !== undefined) problem(`is the folder of bridges[${owner}] too`, 'spool', 'path')
      spools.set(resolve(folder, path), i)
    }
    try {
      const contract = (contracts[kind] as (name: string) => BridgeContract)(raw[kind] as string)
      const options = optionsOf(raw, name, folder)
      checkOptions(contract, options)
      assertNames(String(raw[kind]), raw, options)
      if (kind === 'rpc' || kind === 'action') assertNoCircle(String(raw[kind]), raw, options, ways)
      all.push({ name, from: raw.from, to: raw.to, contract, options, identity: JSON.stringify(raw) })
    } catch (error) {
      problem(toError(error).message)
    }
  }
  return {
    brokers: named,
    bridges: all,
    health: health === undefined ? undefined : { host: health.host ?? '127.0.0.1', port: health.port },
  }
}

function optionsOf(raw: Raw, name: string, folder: string): BridgeOptions<BridgeContract> {
  const { topic: _, event: __, rpc: ___, action: ____, from, to, as, timeout, spool, ...rest } = raw
  const { path = '', maxBytes, maxAge, ...more } = (spool ?? {}) as Readonly<Record<string, string | undefined>>
  return {
    ...rest,
    name,
    // One broker may stand on both sides, under other names.
    ...(from === to ? {} : { brokers: [from, to] }),
    ...(as === undefined ? {} : { to: as }),
    ...(timeout === undefined ? {} : { timeout: milliseconds(timeout as string) }),
    ...(spool === undefined
      ? {}
      : {
          spool: {
            ...more,
            path: resolve(folder, path),
            ...(maxBytes === undefined ? {} : { maxBytes: sizeOf(maxBytes) }),
            ...(maxAge === undefined ? {} : { maxAge: milliseconds(maxAge) }),
          },
        }),
    // The schema has seen to the types.
  } as unknown as BridgeOptions<BridgeContract>
}

/** Says now which calls would go in a circle. */
function assertNoCircle(name: string, { from, to, twoWay }: Raw, options: object, ways: Ways): void {
  const sinkName = renaming(options, name)(name)
  for (const [source, sink] of twoWay === true
    ? [
        [from, to],
        [to, from],
      ]
    : [[from, to]]) {
    const [start, end] = [
      { broker: source as string, name },
      { broker: sink as string, name: sinkName },
    ]
    if (ways.add(start, end) === undefined) throw new Error(circleOf(start, end))
  }
}

/** Says now what would be found when the bridge opens. */
function assertNames(name: string, raw: Raw, options: object): void {
  const { twoWay } = raw
  const rename = renaming(options, name)
  if (twoWay === true && (raw['topic'] ?? raw['event']) !== undefined) wayBack(name, options, {})
  if (raw.from === raw.to && rename(name) === name)
    throw new Error(`would carry '${name}' to itself: give as or namespace, or another broker`)
}
