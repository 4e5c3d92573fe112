import type { RedisOptions as ClientOptions } from 'ioredis'
import type { RedisOptions } from './options.ts'
import { invalid, parseUrl, type Scheme, shownAddress } from './url.ts'

/** Where something listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Who tells where the primary is, and what a connection to it is given. */
export interface Sentinel {
  readonly target: string
  readonly client: ClientOptions
}

/** What there is to connect to. */
export type Place =
  | { readonly kind: 'server'; readonly target: string }
  | {
      readonly kind: 'cluster'
      readonly target: string
      readonly protocol: Scheme
      readonly seeds: readonly Endpoint[]
    }
  | {
      readonly kind: 'sentinels'
      readonly target: string
      readonly protocol: Scheme
      readonly sentinels: readonly Sentinel[]
      readonly name: string
    }

/** One node of a cluster, or one sentinel, as its URL says. */
interface Listed extends Endpoint {
  readonly protocol: Scheme
  readonly target: string
  readonly username: string | undefined
  readonly password: string | undefined
}

/** One server, or a cluster, or sentinels. */
export function assertAlone(url: string | undefined, options: RedisOptions): void {
  const { cluster, sentinels, name, protocol } = options
  if (name !== undefined && sentinels === undefined) throw invalid('name', name, 'goes with sentinels')
  const list = cluster !== undefined ? 'cluster' : 'sentinels'
  if (options[list] === undefined) return
  const why = `has no place beside ${list}`
  if (url !== undefined) throw invalid('url', url, why)
  if (cluster !== undefined && sentinels !== undefined) throw invalid('sentinels', undefined, why)
  for (const key of ['host', 'port', 'path'] as const)
    if (options[key] !== undefined) throw invalid(key, options[key], why)
  if (protocol === 'unix') throw invalid('protocol', protocol, why)
}

/** A cluster's first addresses, and the login to all of it. */
export function resolveCluster(options: RedisOptions) {
  const seeds = parseAll('cluster', options.cluster, 6379)
  const protocol = options.protocol ?? (seeds[0] as Listed).protocol
  if (options.db !== undefined && options.db !== 0) throw invalid('db', options.db, 'must be 0: a cluster has no other')
  let { username, password } = options
  for (const [i, each] of seeds.entries()) {
    const name = `cluster[${i}]`
    if (each.protocol !== protocol)
      throw invalid(name, each.target, `must begin with ${protocol}:, as for all of its nodes`)
    if (options.password !== undefined || each.password === undefined) continue
    if (password !== undefined && (each.username !== username || each.password !== password))
      throw invalid(name, each.target, 'has another login than one before: all nodes take the same')
    username = each.username
    password = each.password
  }
  const target = seeds.map(each => each.target).join(', ')
  return { kind: 'cluster', target, protocol, seeds, username, password } as const
}

/** Who is asked for the primary, and its name. */
export function resolveSentinels({ sentinels, name }: RedisOptions) {
  const listed = parseAll('sentinels', sentinels, 26_379)
  if (typeof name !== 'string' || name === '')
    throw invalid('name', name, 'must be what the sentinels call the primary, such as mymaster')
  return { listed, name, protocol: (listed[0] as Listed).protocol, secure: listed.some(isSecure) }
}

/** @param login what a connection with this user, password and encryption is given */
export function reached(
  { listed, name, protocol }: ReturnType<typeof resolveSentinels>,
  login: (username: string | undefined, password: string | undefined, encrypted: boolean) => ClientOptions,
): Place {
  const sentinels = listed.map(each => {
    const { host, port, target, username, password } = each
    // Sentinels have no databases.
    return { target, client: { ...login(username, password, isSecure(each)), host, port, db: 0 } }
  })
  const target = `'${name}' of ${listed.map(each => each.target).join(', ')}`
  return { kind: 'sentinels', target, protocol, sentinels, name }
}

function isSecure({ protocol }: Listed): boolean {
  return protocol === 'rediss'
}

/** At least one. */
function parseAll(option: string, given: unknown, defaultPort: number): readonly Listed[] {
  const example = `redis://localhost:${defaultPort}`
  if (!Array.isArray(given) || given.length === 0)
    throw invalid(option, undefined, `must be an array of URLs, such as ['${example}']`)
  return given.map((text: unknown, i): Listed => {
    const name = `${option}[${i}]`
    if (typeof text !== 'string') throw invalid(name, text, `must be a URL, such as ${example}`)
    const { protocol, host = '', port = defaultPort, db, username, password } = parseUrl(text, name)
    if (protocol === 'unix') throw invalid(name, text, 'must begin with redis: or rediss:')
    if (db !== undefined && db !== 0) throw invalid(name, text, 'must name no database: db is an option')
    if (username !== undefined && password === undefined) throw invalid(name, text, 'has a user, and no password')
    return { host, port, protocol, username, password, target: shownAddress(protocol, host, port) }
  })
}
