import { CommlibError, show } from '@commlib/core/internal'

export type Scheme = 'redis' | 'rediss' | 'unix'

/** The URL schemes of this transport. */
export const schemes: readonly string[] = ['redis', 'rediss', 'unix']

/** What a URL says. */
export interface Address {
  readonly protocol: Scheme
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly db?: number
  readonly username?: string
  readonly password?: string
}

/** @param name the option it was given as */
export function parseUrl(text: string, name = 'url'): Address {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid(name, text, 'is not a URL such as redis://localhost:6379')
  }
  const protocol = url.protocol.slice(0, -1)
  if (!schemes.includes(protocol))
    throw invalid(name, text, `must begin with one of ${schemes.map(scheme => `${scheme}:`).join(', ')}`)
  if (/[@#]/.test(url.pathname + url.search + url.hash))
    throw invalid(name, text, 'has an @ or # after its host: in a password they are %40 and %23')
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw invalid(name, text, 'has a % in its user or password that is not followed by two digits: it is %25')
    }
  }
  const database = (digits: string | undefined) => {
    if (digits === undefined) return undefined
    if (!/^\d{1,9}$/.test(digits)) throw invalid(name, text, 'must end with the number of a database, such as /0')
    return Number(digits)
  }
  const login = {
    username: url.username === '' ? undefined : decode(url.username),
    password: url.password === '' ? undefined : decode(url.password),
  }
  for (const key of url.searchParams.keys())
    if (key !== 'db') throw invalid(name, redact(text).replace(/\?.*/s, ''), 'has a parameter that is not db')
  const asked = url.searchParams.get('db') ?? undefined
  if (protocol === 'unix') {
    if (url.hostname !== '') throw invalid(name, text, 'names a host: a path has one slash, or three')
    return defined({ protocol: 'unix', path: decode(url.pathname), db: database(asked), ...login }) as Address
  }
  if (url.hostname === '') throw invalid(name, text, 'names no host')
  const slash = url.pathname.slice(1)
  return defined({
    protocol: protocol as Scheme, // one of `schemes`
    host: decode(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    db: database(slash === '' ? asked : slash),
    ...login,
  }) as Address
}

/** Scheme, host and port, for error messages. */
export function shownAddress(protocol: string, host: string, port: number): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Leaves out what stands before an @: it may be a password, wherever the slashes are. */
function redact(text: string): string {
  return text.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?.*@/is, '$1***@')
}

export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** An error for an option, which shows its value but for what may be a password. */
export function invalid(name: string, value: unknown, why: string): CommlibError {
  const shown = value === undefined ? '' : ` (${show(typeof value === 'string' ? redact(value) : value)})`
  return new CommlibError('INVALID_OPTION', `redis: ${name}${shown} ${why}`)
}
