import { assertTopic, CommlibError, compilePattern, show } from '@commlib/core/internal'
import type { BackOptions, Naming } from './options.ts'

/** Which names are read on one side, and what they are called on the other. */
export interface Route {
  /** A topic or a pattern. */
  readonly pattern: string
  readonly rename: (name: string) => string
}

/** Makes the name on the other side. */
export function renaming({ to, namespace, rename }: Naming, names: string): (name: string) => string {
  const given = Object.entries({ to, namespace, rename }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    const which = given.map(([key]) => key).join(' and ')
    throw new CommlibError('INVALID_OPTION', `${which} exclude each other: give a bridge one of them`)
  }
  if (to !== undefined) {
    assertTopic(to)
    return () => to
  }
  if (namespace !== undefined) {
    assertTopic(namespace)
    return name => `${namespace}.${name}`
  }
  if (rename === undefined) return name => name
  return name => {
    const renamed = rename(name)
    if (typeof renamed === 'string') return renamed
    throw new CommlibError('INVALID_TOPIC', `rename made ${show(renamed)} of '${name}' (bridge of '${names}')`)
  }
}

/**
 * commlib-py's PTopicBridge starts from the source's own name of a topic, and its sinks on Redis leave the slashes of MQTT in
 * it. To any other sink it comes to the same as dots.
 */
export function namedAsInPython(
  rename: (name: string) => string,
  source: string,
  sink: string,
): (name: string) => string {
  if (!source.startsWith('mqtt') || sink !== 'redis') return rename
  return name => rename(name.replaceAll('.', '/'))
}

/** The way back: what is read on the sink's side, and what that is called on the source's. */
export function wayBack(pattern: string, options: Naming, back: Pick<BackOptions, 'pattern' | 'rename'>): Route {
  const { to, namespace, rename } = options
  const { wild } = compilePattern(pattern)
  if (back.pattern !== undefined) compilePattern(back.pattern)
  if (back.rename !== undefined) {
    if (back.pattern === undefined && wild && (to ?? rename) !== undefined) throw unclear(pattern)
    const there = wild ? (namespace === undefined ? pattern : `${namespace}.${pattern}`) : forth(options, pattern)
    return { pattern: back.pattern ?? there, rename: renaming({ rename: back.rename }, pattern) }
  }
  if (!wild) return { pattern: back.pattern ?? forth(options, pattern), rename: () => pattern }
  if ((to ?? rename) !== undefined) throw unclear(pattern)
  if (namespace === undefined) return { pattern: back.pattern ?? pattern, rename: name => name }
  const prefix = `${namespace}.`
  return {
    pattern: back.pattern ?? `${prefix}${pattern}`,
    rename: name => (name.startsWith(prefix) ? name.slice(prefix.length) : name),
  }
}

function forth(options: Naming, pattern: string): string {
  return renaming(options, pattern)(pattern)
}

function unclear(pattern: string): CommlibError {
  return new CommlibError(
    'INVALID_OPTION',
    `what comes back to the pattern '${pattern}' cannot be told from to or rename: give twoWay: { pattern, rename }`,
  )
}

/** What a contract is called on its wire. */
export function nameOf(contract: { readonly name: string } | { readonly uri: string }): string {
  return 'uri' in contract ? contract.uri : contract.name
}
